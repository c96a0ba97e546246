/** `headgate gc` and `headgate scrub` beside a server that goes on. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../src/image/digest.ts';
import { askApi, streamPath } from '../api.ts';
import { run } from '../program.ts';
import { askRegistry, expectStatus, putManifest, type Registry, uploadWhole } from '../registry.ts';
import { startServer, type TestServer, untilSaid } from '../server.ts';
import { type TinyImage, tinyImage } from '../tinyimage.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
const LEASE_MS = 1_000;

let server: TestServer;
let registry: Registry;

before(async () => {
  server = await startServer({ flags: ['--gc-interval', 'off', '--gc-lease', `${LEASE_MS / 1000}s`] });
  registry = { url: server.registryUrl, token: server.token };
});
after(async () => {
  await server?.kill();
});

async function command(name: string, ...flags: string[]): Promise<{ code: number | null; said: string }> {
  const { code, stdout, stderr } = await run(process.execPath, [BIN, name, '--data', server.data, ...flags]);
  return { code, said: stdout + stderr };
}

async function push(repository: string, tag: string, image: TinyImage): Promise<void> {
  for (const blob of image.blobs) await uploadWhole(registry, repository, blob);
  await putManifest(registry, repository, tag, image.manifest, image.mediaType);
}

async function pulls(repository: string, { digest, manifest, blobs }: TinyImage): Promise<boolean> {
  const found = await askRegistry(registry, `${repository}/manifests/${digest}`);
  if (found.status !== 200 || !found.body.equals(manifest)) return false;
  for (const blob of blobs) {
    const answer = await askRegistry(registry, `${repository}/blobs/${digestOf(blob)}`);
    if (answer.status !== 200 || !answer.body.equals(blob)) return false;
  }
  return true;
}

/** Bytes of all content on the disk. */
function contentBytes(): number {
  const files = readdirSync(join(server.data, 'blobs', 'blobs'), { recursive: true, withFileTypes: true });
  return files
    .filter((each) => each.isFile())
    .reduce((sum, { parentPath, name }) => {
      return sum + statSync(join(parentPath, name)).size;
    }, 0);
}

const fileOf = (blob: Buffer): string => {
  const hex = digestOf(blob).slice('sha256:'.length);
  return join(server.data, 'blobs', 'blobs', 'sha256', hex.slice(0, 2), hex);
};

suite('headgate gc', () => {
  test('frees what a deleted tag, manifest or stream alone needed, and nothing else', async () => {
    const kept = tinyImage('kept', [3_000]);
    await push('gc/kept', 'v1', kept);
    const before = contentBytes();
    await push('gc/tag', 'gone', tinyImage('tag', [200_000]));
    await push('gc/manifest', 'gone', tinyImage('manifest', [200_000]));
    await push('gc/stream', 'gone', tinyImage('stream', [200_000]));
    expectStatus(await askRegistry(registry, 'gc/tag/manifests/gone', { method: 'DELETE' }), 202);
    const digest = tinyImage('manifest', [200_000]).digest;
    expectStatus(await askRegistry(registry, `gc/manifest/manifests/${digest}`, { method: 'DELETE' }), 202);
    const api = { url: server.apiUrl, token: server.token, ca: server.ca };
    expectStatus(await askApi(api, streamPath('gc', 'stream'), { method: 'DELETE' }), 200);

    await sleep(LEASE_MS + 100);
    const told = await command('gc', '--dry-run', '--gc-grace', '0s');
    assert.match(told.said, new RegExp(`^${digest}  manifest 4\\d\\d B  no tag, index or subject leads to it`, 'm'));
    assert.match(told.said, /^9 would be deleted, 58\d\.\d KiB would be freed; 0 wait/m);
    assert.match((await command('gc')).said, /^0 deleted, 0 B freed; 9 wait/m, 'a day of grace');
    assert.match((await command('gc', '--gc-grace', '0s')).said, /^9 deleted, 58\d\.\d KiB freed; 0 wait/m);
    assert.equal(contentBytes(), before);
    assert.ok(await pulls('gc/kept', kept));
    assert.equal((await askRegistry(registry, `gc/tag/manifests/gone`)).status, 404);
  });

  test('says what it does not understand, and where there is nothing', async () => {
    const wrong = await command('gc', '--gc-grace', 'soon');
    assert.equal(wrong.code, 2);
    assert.match(wrong.said, /^headgate: --gc-grace: "soon" must be a number and a unit, such as 90s/);
    const { code, stderr } = await run(process.execPath, [BIN, 'gc', '--data', join(server.data, 'none')]);
    assert.equal(code, 1);
    assert.match(stderr, /none\/headgate\.db does not exist: name the folder of a server's data with --data/);
  });
});

suite('headgate scrub', () => {
  test('a flipped and a truncated blob are found, their images named, and never served as good', async () => {
    const [flipped, cut, well] = [tinyImage('flipped', [300_000]), tinyImage('cut', [300_000]), tinyImage('well')];
    await push('scrub/flipped', 'v1', flipped);
    await push('scrub/cut', 'v1', cut);
    await push('scrub/well', 'v1', well);
    assert.deepEqual((await command('scrub')).code, 0);
    const [, layer = Buffer.alloc(0)] = flipped.blobs;
    const bytes = readFileSync(fileOf(layer));
    bytes[150_000] = (bytes[150_000] ?? 0) ^ 1;
    writeFileSync(fileOf(layer), bytes);
    const [, other = Buffer.alloc(0)] = cut.blobs;
    writeFileSync(fileOf(other), other.subarray(0, 1_000));

    const told = await command('scrub', '--dry-run');
    assert.equal(told.code, 1);
    assert.match(told.said, new RegExp(`^${digestOf(layer)} is damaged: hurts scrub/flipped:v1$`, 'm'));
    const done = await command('scrub');
    assert.equal(done.code, 1);
    assert.match(
      done.said,
      new RegExp(`^${digestOf(other)} is damaged, and kept as sha256:[0-9a-f]{64}: hurts scrub/cut:v1$`, 'm'),
    );
    assert.match(done.said, /2 hurt; push their images again$/m);
    for (const [repository, blob] of [
      ['scrub/flipped', layer],
      ['scrub/cut', other],
    ] as const) {
      assert.equal((await askRegistry(registry, `${repository}/blobs/${digestOf(blob)}`)).status, 404);
    }
    await push('scrub/flipped', 'v1', flipped);
    await push('scrub/cut', 'v1', cut);
    assert.ok(await pulls('scrub/flipped', flipped));
    assert.ok(await pulls('scrub/cut', cut));
    assert.match((await command('scrub')).said, /all is well$/m);
  });
});

suite('a server that is started again', () => {
  test('finds that a manifest was changed, sets it aside, and is mended by a push', async () => {
    const image = tinyImage('manifest on the disk', [100]);
    const other = await startServer();
    const at = (each: TestServer): Registry => ({ url: each.registryUrl, token: each.token });
    const pushTo = async (each: TestServer): Promise<void> => {
      for (const blob of image.blobs) await uploadWhole(at(each), 'again/app', blob);
      await putManifest(at(each), 'again/app', 'v1', image.manifest, image.mediaType);
    };
    await pushTo(other);
    assert.equal(await other.stop(), 0);
    const hex = image.digest.slice('sha256:'.length);
    const file = join(other.data, 'blobs', 'blobs', 'sha256', hex.slice(0, 2), hex);
    writeFileSync(file, readFileSync(file, 'utf8').replace('amd64', 'arm64').replace('schemaVersion', 'schemaVersioN'));
    await using again = await startServer({ data: other.data });
    const get = () => askRegistry(at(again), 'again/app/manifests/v1');
    const refused = await get();
    assert.equal(refused.status, 500);
    assert.match(refused.body.toString(), /is damaged and is set aside; pushing the image again mends it/);
    for (let looks = 0; (await get()).status !== 404; looks++) {
      assert.ok(looks < 200, again.output());
      await sleep(50);
    }
    await pushTo(again);
    assert.ok((await get()).body.equals(image.manifest));
  });
});

suite('a server that goes on', () => {
  const damages: readonly (readonly [name: string, damage: (bytes: Buffer) => Buffer])[] = [
    ['flipped', (bytes) => Buffer.from(bytes.map((byte, at) => (at === 2_000_000 ? byte ^ 1 : byte)))],
    ['cut', (bytes) => bytes.subarray(0, 2_500_000)],
    ['emptied', () => Buffer.alloc(0)],
  ];
  for (const [name, damage] of damages) {
    test(`never gives ${name} content as good, sets it aside by itself, and is mended by a push`, async () => {
      const image = tinyImage(`live ${name}`, [3_000_000]);
      const repository = `live/${name}`;
      await push(repository, 'v1', image);
      assert.ok(await pulls(repository, image), 'it has been read whole, and is known to be good');
      const [, layer = Buffer.alloc(0)] = image.blobs;
      const path = `${repository}/blobs/${digestOf(layer)}`;
      writeFileSync(fileOf(layer), damage(layer));

      // Either the connection breaks before the end, or there is no 200 at all.
      const given = await askRegistry(registry, path).catch(() => undefined);
      assert.notEqual(given?.status, 200);
      for (let looks = 0; (await askRegistry(registry, path, { method: 'HEAD' })).status !== 404; looks++) {
        assert.ok(looks < 200, `it was not set aside:\n${server.output()}`);
        await sleep(50);
      }
      const told = new RegExp(
        `ERROR content was damaged, and was set aside.*digest=${digestOf(layer)}.*${repository}:v1`,
      );
      await untilSaid(server, told);
      await push(repository, 'v1', image);
      assert.ok(await pulls(repository, image));
    });
  }
});
