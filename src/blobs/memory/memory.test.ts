import type { Blobs } from '../blobs.ts';
import { blobsSuite } from '../suite.ts';
import { memoryContent, openMemoryBlobs } from './memory.ts';

blobsSuite('memory', async () => {
  const content = memoryContent();
  const opened: Blobs[] = [];
  const another = async () => {
    const blobs = openMemoryBlobs(content);
    opened.push(blobs);
    return blobs;
  };
  return {
    blobs: await another(),
    another,
    dispose: async () => {
      for (const blobs of opened) await blobs.close();
    },
  };
});
