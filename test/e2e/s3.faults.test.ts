/** What the S3 driver does when S3, or the way to it, fails: nothing half visible, clear words, never a hang. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { openAuthority } from '../../src/access/authority.ts';
import { BlobError, type Blobs, BlobsUnavailable, UploadBusy, UploadUnknown } from '../../src/blobs/blobs.ts';
import { openS3Blobs } from '../../src/blobs/s3/s3.ts';
import { bytesOf, push, sourceOf } from '../../src/blobs/suite/sources.ts';
import { type Digest, digestOf } from '../../src/image/digest.ts';
import { S3_PART_BYTES } from '../../src/limits.ts';
import { type Random, randomFrom } from '../crash/random.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../faultproxy.ts';
import { freePort } from '../ports.ts';
import { temporaryFolder } from '../program.ts';
import { addressOf, type TestBlobs, testBlobs } from '../s3blobs.ts';
import { S3_CREDENTIALS, type S3Server, startS3 } from '../s3server.ts';

const MiB = 1024 * 1024;
/** Milliseconds after which a failure counts as never told: a server takes 10 s at most, and this machine may be busy. */
const PATIENCE_MS = 30_000;
const SEED = Number(process.env.HEADGATE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32));

let server: S3Server;
let proxy: FaultProxy;

before(async () => {
  server = await startS3();
  await server.makeBucket('images');
  proxy = await startFaultProxy(server.endpoint);
});
after(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await server?.stop();
});

const SLOW_DOWN: Fault = { kind: 'refuse', status: 503, code: 'SlowDown' };

/** Rejects with words that fit, in time. */
async function failsWith(words: RegExp, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await assert.rejects(work(), (error) => {
    assert.ok(error instanceof BlobsUnavailable, String(error));
    assert.match(error.message, words);
    return true;
  });
  const took = performance.now() - begun;
  assert.ok(took < PATIENCE_MS, `it took ${Math.round(took)} ms`);
}

suite('S3 that fails now and then', () => {
  test(`loses nothing and shows nothing half (HEADGATE_TEST_SEED=${SEED})`, async () => {
    const random = randomFrom(SEED);
    await using content = testBlobs(server.endpoint);
    proxy.follow();
    const blobs = await content.open(proxy.endpoint);
    const kept = new Map<Digest, Buffer>();
    const failed: Digest[] = [];
    proxy.follow(() => (random.chance(0.15) ? anyFault(random) : { kind: 'none' }));
    for (let round = 0; round < 25; round += 1) {
      const bytes = randomBytes(round % 6 === 0 ? S3_PART_BYTES + random.between(1, MiB) : random.between(1, 300_000));
      const digest = digestOf(bytes);
      try {
        await pushInChunks(blobs, bytes, random);
        kept.set(digest, bytes);
      } catch (error) {
        assert.ok(error instanceof BlobError, String(error));
        failed.push(digest);
      }
    }
    const during = await readAll(blobs, kept);
    proxy.follow();
    const after = await content.open();
    assert.equal(await readAll(after, kept), kept.size, 'every acknowledged blob is there');
    for (const digest of failed) {
      const body = await after.read(digest);
      // A commit whose answer was lost may have been made; then it is whole.
      if (body !== undefined) assert.equal(digestOf(await bytesOf(body)), digest);
    }
    assert.ok(kept.size > 10, `only ${kept.size} of 25 pushes went through`);
    assert.ok(during > kept.size / 2, `only ${during} of ${kept.size} reads went through`);
    await nothingIsLeft(content, after);
  });

  test('reads go on where an answer was cut', async () => {
    await using content = testBlobs(server.endpoint);
    const bytes = randomBytes(5 * MiB);
    const digest = await push(await content.open(), bytes);
    let cuts = 0;
    const blobs = await content.open(proxy.endpoint);
    proxy.follow(({ path }) => {
      if (!path.includes('/content/') || cuts === 3) return { kind: 'none' };
      cuts += 1;
      return { kind: 'cut', bytes: 1_300_000 };
    });
    assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
    assert.equal(cuts, 3);
    proxy.follow();
  });

  test('a commit whose answers were lost is made once, and told', async () => {
    await using content = testBlobs(server.endpoint);
    const blobs = await content.open(proxy.endpoint);
    const bytes = randomBytes(S3_PART_BYTES + 5);
    const id = await blobs.begin();
    await blobs.append(id, 0, sourceOf([bytes]));
    const seen = new Set<string>();
    proxy.follow(({ method, path }) => {
      const request = `${method} ${path}`;
      if (method === 'GET' || method === 'HEAD' || seen.has(request)) return { kind: 'none' };
      seen.add(request);
      return { kind: 'lose answer' };
    });
    await blobs.commit(id, digestOf(bytes));
    proxy.follow();
    assert.ok((await bytesOf(await blobs.read(digestOf(bytes)))).equals(bytes));
    assert.ok(seen.size >= 3);
  });

  test('a commit that failed can be tried again', async () => {
    await using content = testBlobs(server.endpoint);
    const blobs = await content.open(proxy.endpoint);
    const bytes = randomBytes(S3_PART_BYTES + 5);
    const id = await blobs.begin();
    await blobs.append(id, 0, sourceOf([bytes]));
    for (const failing of ['PUT', 'POST']) {
      proxy.follow(({ method }) => (method === failing ? SLOW_DOWN : { kind: 'none' }));
      await failsWith(/SlowDown/, () => blobs.commit(id, digestOf(bytes)));
    }
    proxy.follow();
    await blobs.commit(id, digestOf(bytes));
    assert.ok((await bytesOf(await blobs.read(digestOf(bytes)))).equals(bytes));
    await nothingIsLeft(content, blobs);
  });
});

suite('S3 that fails a commit', () => {
  test('keeps the upload from nobody who drops it, and what is left of it goes when no request can be on its way', async () => {
    await using content = testBlobs(server.endpoint);
    let now = new Date();
    proxy.follow();
    const address = addressOf(`s3://images/${content.prefix}?endpoint=${proxy.endpoint}`);
    const blobs = await openS3Blobs({ address, store: content.store, now: () => now });
    const bytes = randomBytes(1_000);
    const id = await blobs.begin();
    await blobs.append(id, 0, sourceOf([bytes]));
    proxy.follow(({ method }) => (method === 'PUT' ? SLOW_DOWN : { kind: 'none' }));
    await failsWith(/SlowDown/, () => blobs.commit(id, digestOf(bytes)));
    proxy.follow();
    await assert.rejects(
      (await content.open()).abort(id),
      UploadBusy,
      'another process cannot know that it has failed',
    );
    assert.equal(await blobs.abort(id), true);
    assert.equal(await blobs.uploaded(id), undefined);
    const keys = (): Promise<string[]> => server.keys('images', `${content.prefix}content/`);
    await blobs.staleUploads(new Date(0));
    assert.equal((await keys()).length, 1);
    now = new Date(now.getTime() + 2 * 3_600_000);
    await blobs.staleUploads(new Date(0));
    assert.equal((await keys()).length, 0);
    await blobs.close();
  });
});

suite('S3 that fails for long', () => {
  const faults: readonly (readonly [string, Fault, RegExp])[] = [
    ['asks to slow down', SLOW_DOWN, /answered 503/],
    ['has internal errors', { kind: 'refuse', status: 500, code: 'InternalError' }, /answered 500/],
    ['resets connections', { kind: 'reset' }, /the connection failed|did not answer in time/],
    ['never answers', { kind: 'silence' }, /did not answer in time/],
  ];
  for (const [does, fault, words] of faults) {
    test(`and ${does} is given up in time, with words for it; then all goes on`, async () => {
      await using content = testBlobs(server.endpoint);
      proxy.follow();
      const blobs = await content.open(proxy.endpoint);
      const bytes = randomBytes(100_000);
      const digest = await push(blobs, bytes);
      const fresh = await content.open(proxy.endpoint);
      const id = await blobs.begin();
      proxy.follow(() => fault);
      await Promise.all([
        failsWith(words, () => blobs.stat(digest)),
        failsWith(words, () => fresh.read(digest)),
        failsWith(words, () => blobs.list(undefined, 10)),
        failsWith(words, () => blobs.put(digestOf('{}'), Buffer.from('{}'))),
        failsWith(words, () => blobs.append(id, 0, sourceOf([randomBytes(S3_PART_BYTES + 5)]))),
      ]);
      assert.equal(await blobs.uploaded(id), 0, 'the upload holds what it held before');
      proxy.follow();
      assert.ok((await bytesOf(await fresh.read(digest))).equals(bytes));
      assert.equal(await blobs.append(id, 0, sourceOf([bytes])), bytes.length);
      await blobs.commit(id, digest);
    });
  }

  test('and gives bytes far too slowly is left, and read anew', async () => {
    await using content = testBlobs(server.endpoint);
    const bytes = randomBytes(2 * MiB);
    const digest = await push(await content.open(), bytes);
    const blobs = await content.open(proxy.endpoint);
    let asked = 0;
    proxy.follow(({ path }) => {
      if (!path.includes('/content/')) return { kind: 'none' };
      asked += 1;
      return asked > 1 ? { kind: 'none' } : { kind: 'slow', bytes: 1_000, ms: 100 };
    });
    assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
    assert.equal(asked, 2);
    proxy.follow();
  });
});

suite('S3 that must be put right by somebody', () => {
  async function refusal(url: string): Promise<string> {
    await using content = testBlobs(server.endpoint);
    try {
      await (await openS3Blobs({ address: addressOf(url), store: content.store })).close();
    } catch (error) {
      assert.ok(error instanceof BlobsUnavailable, String(error));
      return error.message;
    }
    assert.fail('it opened');
  }

  test('has no such bucket', async () => {
    assert.match(
      await refusal(`s3://missing/p?endpoint=${server.endpoint}`),
      /s3:\/\/missing\/p at http.*no such bucket; create it/,
    );
  });

  test('does not accept the credentials', async () => {
    const { AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID } = S3_CREDENTIALS;
    try {
      process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
      assert.match(await refusal(`s3://images?endpoint=${server.endpoint}`), /check AWS_SECRET_ACCESS_KEY/);
      process.env.AWS_ACCESS_KEY_ID = 'nobody';
      assert.match(await refusal(`s3://images?endpoint=${server.endpoint}`), /check AWS_ACCESS_KEY_ID/);
    } finally {
      Object.assign(process.env, { AWS_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID });
    }
  });

  test('trusts an authority whose file is not there', async () => {
    const url = `s3://images?endpoint=${server.endpoint}&ca=/nowhere/ca.pem`;
    assert.match(await refusal(url), /authorities to trust in \/nowhere\/ca.pem; check ca=/);
  });

  test('can only be read: pulls work, pushes say why not', async () => {
    await using content = testBlobs(server.endpoint);
    const bytes = randomBytes(70_000);
    const digest = await push(await content.open(), bytes);
    await using readonly = await startS3({ flags: ['--readonly'], folder: server.folder });
    const blobs = await content.open(readonly.endpoint);
    assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
    await failsWith(/may not do this/, () => blobs.put(digestOf('{}'), Buffer.from('{}')));
    await failsWith(/may not do this/, async () => blobs.append(await blobs.begin(), 0, sourceOf([bytes])));
  });
});

suite('S3 behind TLS', () => {
  test('of an authority of its own is trusted if that is named, and words say so if it is not', async () => {
    const folder = temporaryFolder();
    const { certificate, server: pair } = await openAuthority({ folder, names: ['127.0.0.1'], now: new Date() });
    const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(ca, certificate);
    writeFileSync(cert, pair.certificate);
    writeFileSync(key, pair.key);
    await using secure = await startS3({ flags: ['--cert', cert, '--key', key], folder: server.folder, ca });
    await using content = testBlobs(server.endpoint);
    const url = `s3://images/${content.prefix}?endpoint=${secure.endpoint}`;
    await assert.rejects(
      openS3Blobs({ address: addressOf(url), store: content.store }),
      /not trusted; name a file.*ca=FILE/,
    );
    const blobs = await openS3Blobs({ address: addressOf(`${url}&ca=${ca}`), store: content.store });
    const bytes = randomBytes(S3_PART_BYTES + 5);
    const digest = await push(blobs, bytes);
    for (let n = 0; n < 3; n += 1) assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes));
    await blobs.close();
  });
});

test('S3 that does not run yet keeps nobody from starting', async () => {
  await using content = testBlobs(`http://127.0.0.1:${await freePort()}`);
  const address = addressOf(`s3://images?endpoint=http://127.0.0.1:${await freePort()}`);
  const heard: string[] = [];
  const blobs = await openS3Blobs({ address, store: content.store, warn: (text) => heard.push(text) });
  assert.match(heard.join(), /nothing answers there/);
  await failsWith(/nothing answers there \(connection refused\)/, () => blobs.stat(digestOf('x')));
  await blobs.close();
});

function anyFault(random: Random): Fault {
  const faults: readonly [Fault, ...Fault[]] = [
    SLOW_DOWN,
    { kind: 'refuse', status: 500, code: 'InternalError' },
    { kind: 'lose answer' },
    { kind: 'reset' },
    { kind: 'cut', bytes: random.between(0, 100_000) },
  ];
  return random.pick(faults);
}

/** As a client does that goes on where the registry says the upload stands. */
async function pushInChunks(blobs: Blobs, bytes: Buffer, random: Random): Promise<void> {
  const id = await blobs.begin();
  for (let tries = 0; ; tries += 1) {
    const held = await blobs.uploaded(id);
    if (held === undefined) throw new UploadUnknown('the upload is gone');
    if (held === bytes.length) break;
    try {
      const length = random.between(1, bytes.length);
      await blobs.append(id, held, sourceOf([bytes.subarray(held, held + length)]));
    } catch (error) {
      if (!(error instanceof BlobsUnavailable) || tries > 5) throw error;
    }
  }
  await blobs.commit(id, digestOf(bytes));
}

/** How many of the blobs can be read; those that can be are right. */
async function readAll(blobs: Blobs, kept: ReadonlyMap<Digest, Buffer>): Promise<number> {
  let read = 0;
  for (const [digest, bytes] of kept) {
    try {
      assert.ok((await bytesOf(await blobs.read(digest))).equals(bytes), digest);
      read += 1;
    } catch (error) {
      if (!(error instanceof BlobsUnavailable)) throw error;
    }
  }
  return read;
}

/** After the uploads are dropped, the bucket holds the content of its blobs and nothing else. */
async function nothingIsLeft(content: TestBlobs, blobs: Blobs): Promise<void> {
  const future = new Date(Date.now() + 60_000);
  const later = await openS3Blobs({
    address: addressOf(`s3://images/${content.prefix}?endpoint=${server.endpoint}`),
    store: content.store,
    now: () => new Date(Date.now() + 2 * 3_600_000),
  });
  for (const id of await blobs.staleUploads(future)) await blobs.abort(id).catch(() => undefined);
  for (const id of await later.staleUploads(future)) await later.abort(id);
  await later.staleUploads(future);
  await later.close();
  const [objects, digests] = [
    await server.keys('images', `${content.prefix}content/`),
    await blobs.list(undefined, 1_000),
  ];
  assert.ok(
    objects.length <= digests.length,
    `${objects.length} objects for ${digests.length} blobs: ${objects.join()}`,
  );
}
