/** The S3 driver against real servers: what every driver must do. */

import { randomUUID } from 'node:crypto';
import { after, before } from 'node:test';
import type { Blobs } from '../../src/blobs/blobs.ts';
import { parseS3Address, type S3Address } from '../../src/blobs/s3/address.ts';
import { openS3Blobs } from '../../src/blobs/s3/s3.ts';
import { blobsSuite } from '../../src/blobs/suite.ts';
import { openMemoryStore } from '../../src/store/memory/memory.ts';
import { S3_CREDENTIALS, S3_MAKES, type S3Server, startS3 } from '../s3server.ts';

Object.assign(process.env, S3_CREDENTIALS);

function addressOf(text: string): S3Address {
  const address = parseS3Address(text);
  if ('problem' in address) throw new Error(address.problem);
  return address;
}

for (const make of S3_MAKES) {
  let server: S3Server;
  before(async () => {
    server = await startS3(make);
    server.makeBucket('images');
  });
  after(async () => {
    await server?.stop();
  });

  blobsSuite(make, async () => {
    const store = openMemoryStore();
    const address = addressOf(`s3://images/${randomUUID()}?endpoint=${server.endpoint}`);
    const opened: Blobs[] = [];
    const another = async () => {
      const blobs = await openS3Blobs({ address, store });
      opened.push(blobs);
      return blobs;
    };
    return {
      blobs: await another(),
      another,
      dispose: async () => {
        for (const blobs of opened) await blobs.close();
        await store.close();
      },
    };
  });
}
