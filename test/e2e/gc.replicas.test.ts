/** Two servers on one store: one of them collects, and when it is killed the other does. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../src/image/digest.ts';
import { type Ground, type Site, sharedGround } from '../crash/grounds.ts';
import { succeed } from '../program.ts';
import { askRegistry, expectStatus, putManifest, uploadWhole } from '../registry.ts';
import type { TestServer } from '../server.ts';
import { type TinyImage, tinyImage } from '../tinyimage.ts';

const FLAGS = ['--gc-interval', '1s', '--gc-grace', '0s', '--gc-lease', '1s'];
const BIN = new URL('../../bin/headgate.js', import.meta.url).pathname;
const LOOK_MS = 100;
/** Looks until something must have happened; with servers on one machine it takes about two seconds. */
const LOOKS = 200;

async function push({ registryUrl: url, token }: TestServer, repository: string, image: TinyImage): Promise<void> {
  for (const blob of image.blobs) await uploadWhole({ url, token }, repository, blob);
  await putManifest({ url, token }, repository, 'v1', image.manifest, image.mediaType);
}

async function drop({ registryUrl: url, token }: TestServer, repository: string): Promise<void> {
  expectStatus(await askRegistry({ url, token }, `${repository}/manifests/v1`, { method: 'DELETE' }), 202);
}

async function until(what: string, site: Site, isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; !(await isSo()); looks++) {
    assert.ok(looks < LOOKS, `${what}; the servers said:\n${site.output()}`);
    await sleep(LOOK_MS);
  }
}

/** The server that does the work in the background, by what the store says of it. */
async function leading(ground: Ground, { servers }: Site): Promise<TestServer | undefined> {
  const store = await ground.openStore();
  try {
    const owner = (await store.get('/leaders/upkeep/leader'))?.value.toString() ?? '';
    return servers.find(({ pid }) => owner.split('-')[2] === String(pid));
  } finally {
    await store.close();
  }
}

for (const kind of ['folder', 's3'] as const) {
  suite(`two servers on etcd and ${kind === 's3' ? 'S3' : 'a folder'}`, () => {
    test('collect what either of them was told to delete, also after the one that leads was killed', async () => {
      await using ground = await sharedGround(kind);
      await using site = await ground.start(FLAGS);
      const [one, other] = site.servers;
      assert.ok(one && other);
      const isGone = async ({ blobs }: TinyImage): Promise<boolean> => {
        const left = new Set(await ground.content());
        return !blobs.some((blob) => left.has(digestOf(blob)));
      };
      const [kept, first, second] = [tinyImage('kept'), tinyImage('first'), tinyImage('second')];
      await push(one, 'gc/kept', kept);
      await push(one, 'gc/first', first);
      await drop(other, 'gc/first');
      await until('nothing was collected', site, () => isGone(first));

      let leader: TestServer | undefined;
      await until('nobody leads', site, async () => {
        leader = await leading(ground, site);
        return leader !== undefined;
      });
      const left = leader === one ? other : one;
      await push(left, 'gc/second', second);
      await leader?.kill();
      await drop(left, 'gc/second');
      await until('the other did not follow', site, () => isGone(second));
      assert.equal(await leading(ground, site), left);
      for (const blob of [...kept.blobs, kept.manifest]) {
        assert.ok(new Set(await ground.content()).has(digestOf(blob)), 'what a tag needs stays');
      }
    });

    test('do not mind a collection by hand, which says what it would do', async () => {
      await using ground = await sharedGround(kind);
      await using site = await ground.start([...FLAGS, '--gc-interval', 'off']);
      const [one] = site.servers;
      assert.ok(one);
      const gone = tinyImage('gone', [10_000]);
      await push(one, 'gc/gone', gone);
      await drop(one, 'gc/gone');
      await sleep(1_200);
      const gc = (...flags: string[]): Promise<string> =>
        succeed(process.execPath, [BIN, 'gc', ...ground.flags, '--gc-grace', '0s', ...flags]);
      assert.match(await gc('--dry-run'), /^3 would be deleted, 10\.\d KiB would be freed; 0 wait, 0 are in use$/m);
      assert.equal((await ground.content()).length, 3);
      assert.match(await gc(), /^3 deleted, 10\.\d KiB freed; 0 wait, 0 are in use$/m);
      assert.deepEqual(await ground.content(), []);
    });
  });
}
