/** The S3 driver over a real server, for tests. */
import { randomUUID } from 'node:crypto';
import type { Blobs } from '../src/blobs/blobs.ts';
import { parseS3Address, type S3Address } from '../src/blobs/s3/address.ts';
import { openS3Blobs } from '../src/blobs/s3/s3.ts';
import { openMemoryStore } from '../src/store/memory/memory.ts';
import type { Store } from '../src/store/store.ts';
import { S3_CREDENTIALS } from './s3server.ts';

Object.assign(process.env, S3_CREDENTIALS);

/** The address that a URL of a test names. @throws {Error} if it is none. */
export function addressOf(url: string): S3Address {
  const address = parseS3Address(url);
  if ('problem' in address) throw new Error(address.problem);
  return address;
}

/** One content of its own in a bucket, and the drivers over it. */
export interface TestBlobs extends AsyncDisposable {
  /** Before every key, with a slash at its end. */
  readonly prefix: string;
  /** Holds the records of uploads. */
  readonly store: Store;
  /** Another driver, as another process has it; perhaps by way of another endpoint. */
  open(endpoint?: string): Promise<Blobs>;
}

/** A content below a prefix that nobody has used. */
export function testBlobs(endpoint: string, bucket = 'images'): TestBlobs {
  const prefix = `${randomUUID()}/`;
  const store = openMemoryStore();
  const opened: Blobs[] = [];
  return {
    prefix,
    store,
    open: async (by = endpoint) => {
      const blobs = await openS3Blobs({ address: addressOf(`s3://${bucket}/${prefix}?endpoint=${by}`), store });
      opened.push(blobs);
      return blobs;
    },
    [Symbol.asyncDispose]: async () => {
      for (const blobs of opened) await blobs.close();
      await store.close();
    },
  };
}
