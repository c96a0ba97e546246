/** What every driver of the blob seam must do: each driver's test calls `blobsSuite`. */
import { describe, it } from 'node:test';
import type { Blobs } from './blobs.ts';
import { breakTests } from './suite/breaks.ts';
import { contentTests } from './suite/content.ts';
import { processTests } from './suite/processes.ts';
import { uploadTests } from './suite/uploads.ts';

/** A driver over content of its own, which is empty. */
export interface OpenedBlobs {
  readonly blobs: Blobs;
  /** Opens the same content once more, as another process or the next start of the server does. */
  readonly another: () => Promise<Blobs>;
  /** Closes all that was opened and removes the content. */
  readonly dispose: () => Promise<void>;
}

/** Tests by their titles. */
export type BlobsTests = Readonly<Record<string, (opened: OpenedBlobs) => Promise<void>>>;

/** Declares the tests of the seam for a driver; `open` is called once for each of them. */
export function blobsSuite(name: string, open: () => Promise<OpenedBlobs>): void {
  const group = (title: string, tests: BlobsTests) => {
    describe(`${name}: ${title}`, () => {
      for (const [does, test] of Object.entries(tests)) {
        it(does, async () => {
          const opened = await open();
          try {
            await test(opened);
          } finally {
            await opened.dispose();
          }
        });
      }
    });
  };
  group('blobs', contentTests);
  group('uploads', uploadTests);
  group('uploads that break off', breakTests);
  group('several processes, starts and ends', processTests);
}
