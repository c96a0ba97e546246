import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Blobs } from '../blobs.ts';
import { blobsSuite } from '../suite.ts';
import { openFilesystemBlobs } from './filesystem.ts';

blobsSuite('filesystem', async () => {
  const root = await mkdtemp(join(tmpdir(), 'headgate-blobs-'));
  const opened: Blobs[] = [];
  const another = async () => {
    const blobs = await openFilesystemBlobs({ folder: join(root, 'data', 'blobs') });
    opened.push(blobs);
    return blobs;
  };
  return {
    blobs: await another(),
    another,
    dispose: async () => {
      for (const blobs of opened) await blobs.close();
      await rm(root, { recursive: true });
    },
  };
});
