/** A disk that is full at each stage of a push: it is said clearly, nothing is half stored, and space is all it takes. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../src/image/digest.ts';
import { type Api, askApi, IMAGE_API, streamPath } from '../api.ts';
import { type Answer, json } from '../http.ts';
import { makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, ownHome, run, succeed, temporaryFolder } from '../program.ts';
import {
  appendTo,
  askRegistry,
  beginUpload,
  expectStatus,
  finishUpload,
  putManifest,
  type Registry,
  uploadWhole,
} from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';
import { type SmallDisk, smallDisk } from '../smalldisk.ts';
import { bytesOf, type TinyImage, tinyImage } from '../tinyimage.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const DISK_MIB = 48;
const MESSAGE = 'the registry has no space left; nothing was stored, try again when there is';
const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
const OCTETS = { 'Content-Type': 'application/octet-stream' };

const registryOf = ({ registryUrl, token }: TestServer): Registry => ({ url: registryUrl, token });
const apiOf = ({ apiUrl, token, ca }: TestServer): Api => ({ url: apiUrl, token, ca });

/** A refusal must say what is wrong, and when to come again. */
function isFull(answer: Answer): void {
  assert.equal(answer.status, 507, answer.body.toString());
  assert.equal(answer.headers['retry-after'], '60');
  assert.deepEqual(json(answer), { errors: [{ code: 'UNAVAILABLE', message: MESSAGE }] });
}

function filesIn(folder: string): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all.filter((each) => each.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}

async function push(registry: Registry, repository: string, tag: string, image: TinyImage): Promise<void> {
  for (const blob of image.blobs) await uploadWhole(registry, repository, blob);
  await putManifest(registry, repository, tag, image.manifest, image.mediaType);
}

suite('blobs on a full disk', () => {
  let disk: SmallDisk;
  let server: TestServer;
  let registry: Registry;
  before(async () => {
    disk = smallDisk(DISK_MIB);
    server = await startServer({ flags: ['--blobs', `file:${disk.folder}/blobs`] });
    registry = registryOf(server);
  });
  after(async () => {
    await server?.kill();
    disk?.[Symbol.dispose]();
  });

  /** What is on the disk of uploads. */
  const uploads = (): string[] => filesIn(join(disk.folder, 'blobs', 'uploads'));

  test('refuse the beginning of an upload, and leave no session', async () => {
    // Where names cannot be used up an empty file still finds its place.
    const names = disk.useNames();
    const answer = await askRegistry(registry, 'full/begin/blobs/uploads/', { method: 'POST' });
    if (names) isFull(answer);
    else expectStatus(answer, 202);
    disk.free();
    await beginUpload(registry, 'full/begin');
    assert.equal(uploads().length, names ? 1 : 2);
  });

  test('refuse a chunk; the upload is what it was, and goes on once there is space', async () => {
    const bytes = bytesOf('chunk', 6 * MiB);
    let location = await beginUpload(registry, 'full/chunk');
    location = await appendTo(registry, location, 0, bytes.subarray(0, MiB));
    disk.fill(MiB);
    const headers = { ...OCTETS, 'Content-Range': `${MiB}-${6 * MiB - 1}` };
    isFull(await askRegistry(registry, location, { method: 'PATCH', headers, body: bytes.subarray(MiB) }));
    const state = await askRegistry(registry, location);
    assert.deepEqual([state.status, state.headers.range], [204, `0-${MiB - 1}`]);
    disk.free();
    location = await appendTo(registry, location, MiB, bytes.subarray(MiB));
    await finishUpload(registry, location, digestOf(bytes));
    assert.ok((await askRegistry(registry, `full/chunk/blobs/${digestOf(bytes)}`)).body.equals(bytes));
  });

  test('refuse the last chunk and a whole blob, of which nothing is kept', async () => {
    const before = filesIn(join(disk.folder, 'blobs')).length;
    const bytes = bytesOf('whole', 6 * MiB);
    const location = await beginUpload(registry, 'full/whole');
    disk.fill(MiB);
    const digest = digestOf(bytes);
    isFull(
      await askRegistry(registry, `${location}&digest=${digest}`, { method: 'PUT', headers: OCTETS, body: bytes }),
    );
    const path = `full/whole/blobs/uploads/?digest=${digest}`;
    isFull(await askRegistry(registry, path, { method: 'POST', headers: OCTETS, body: bytes }));
    assert.equal((await askRegistry(registry, `full/whole/blobs/${digest}`, { method: 'HEAD' })).status, 404);
    assert.equal(filesIn(join(disk.folder, 'blobs')).length, before + 1, 'only the session that can go on');
    disk.free();
    await askRegistry(registry, location, { method: 'DELETE' });
    await uploadWhole(registry, 'full/whole', bytes);
  });

  test('refuse to make an upload a blob, which the same request does once there is space', async () => {
    const bytes = bytesOf('commit', 100 * KiB);
    const location = await appendTo(registry, await beginUpload(registry, 'full/commit'), 0, bytes);
    disk.fill(0);
    disk.useNames();
    const url = `${location}&digest=${digestOf(bytes)}`;
    const answer = await askRegistry(registry, url, { method: 'PUT', body: '' });
    // Where a rename takes no space there is nothing to refuse.
    if (answer.status !== 201) isFull(answer);
    disk.free();
    if (answer.status !== 201) expectStatus(await askRegistry(registry, url, { method: 'PUT', body: '' }), 201);
    assert.ok((await askRegistry(registry, `full/commit/blobs/${digestOf(bytes)}`)).body.equals(bytes));
  });

  test('refuse a manifest, and then no tag and no Image know of it', async () => {
    const image = tinyImage('manifest');
    for (const blob of image.blobs) await uploadWhole(registry, 'full/manifest', blob);
    disk.fill(0);
    disk.useNames();
    const headers = { 'Content-Type': image.mediaType };
    isFull(await askRegistry(registry, 'full/manifest/manifests/v1', { method: 'PUT', headers, body: image.manifest }));
    assert.equal((await askRegistry(registry, 'full/manifest/manifests/v1')).status, 404);
    assert.equal((await askApi(apiOf(server), `${IMAGE_API}/images/${image.digest}`)).status, 404);
    disk.free();
    await putManifest(registry, 'full/manifest', 'v1', image.manifest, image.mediaType);
    assert.ok((await askRegistry(registry, 'full/manifest/manifests/v1')).body.equals(image.manifest));
  });

  test('make skopeo and podman print what is wrong, and the push works once there is space', async () => {
    const env = ownHome();
    const images = makeImages(env);
    const archive = await images.archive('1.0');
    const remote = (tag: string): string => `docker://${server.registry}/full/clients:${tag}`;
    const creds = `admin:${server.token}`;
    const podman = (...args: string[]): string[] => ['--cgroup-manager', 'cgroupfs', ...args];
    const id = (await succeed(part('podman'), podman('pull', '--quiet', archive), { env })).trim();
    const pushes = [
      ['skopeo', ['copy', '--dest-tls-verify=false', '--dest-creds', creds, archive, remote('skopeo')]],
      ['podman', podman('push', '--tls-verify=false', '--creds', creds, id, remote('podman'))],
    ] as const;
    disk.fill(300 * KiB);
    for (const [program, args] of pushes) {
      const said = await fail(part(program), args, { env });
      assert.match(said, new RegExp(`507 ${MESSAGE}`), program);
    }
    disk.free();
    for (const [program, args] of pushes) await succeed(part(program), args, { env });
  });
});

suite('the store on a full disk', () => {
  test('refuses writes of the API and of the registry, goes on reading, and takes writes once there is space', async () => {
    using disk = smallDisk(DISK_MIB);
    const data = join(temporaryFolder(), 'data');
    const flags = ['--store', `sqlite:${disk.folder}/headgate.db`];
    let server = await startServer({ data, flags });
    const registry = registryOf(server);
    await push(registry, 'full/store', 'before', tinyImage('before'));
    disk.fill(0);
    const made: string[] = [];
    let refused: Answer | undefined;
    // What was logged before leaves room for some.
    for (let number = 0; !refused && number < 2_000; number++) {
      const name = `stream-${number}`;
      const answer = await makeStream(server, name);
      if (answer.status === 201) made.push(name);
      else refused = answer;
    }
    assert.ok(refused, 'a disk that is full took everything');
    assert.equal(refused.status, 507, refused.body.toString());
    assert.ok(Number(refused.headers['retry-after']) > 0);
    const { reason, message } = json(refused) as { reason: string; message: string };
    assert.match(`${reason}: ${message}`, /^InsufficientStorage: .*(?:space|full)/);
    isFull(await askRegistry(registry, 'full/store/blobs/uploads/', { method: 'POST' }));
    const image = tinyImage('refused');
    const headers = { 'Content-Type': image.mediaType };
    const { manifest } = tinyImage('before');
    isFull(await askRegistry(registry, 'full/store/manifests/after', { method: 'PUT', headers, body: manifest }));
    assert.ok((await askRegistry(registry, 'full/store/manifests/before')).body.equals(manifest));
    assert.equal((await askRegistry(registry, 'full/store/manifests/after')).status, 404);
    assert.deepEqual(await streamsOf(server), new Set(made));

    disk.free();
    await push(registry, 'full/store', 'after', image);
    expectStatus(await makeStream(server, 'after'), 201);
    await server.kill();
    server = await startServer({ data, flags });
    assert.deepEqual(await streamsOf(server), new Set([...made, 'after']));
    await server.kill();
  });
});

suite('all of it on a full disk', () => {
  let disk: SmallDisk;
  let data: string;
  before(() => {
    disk = smallDisk(DISK_MIB);
    data = join(disk.folder, 'data');
  });
  after(() => disk?.[Symbol.dispose]());

  test('garbage is collected as soon as there is a little space, and nothing else goes', async () => {
    const flags = ['--gc-interval', '1s', '--gc-grace', '0s', '--gc-lease', '1s'];
    await using server = await startServer({ data, flags });
    const registry = registryOf(server);
    const [kept, gone] = [tinyImage('kept', [200_000]), tinyImage('gone', [5_000_000])];
    await push(registry, 'full/kept', 'v1', kept);
    await push(registry, 'full/gone', 'v1', gone);
    disk.fill(0);
    // Even this may find no space; then it is asked again when there is some.
    const asked = await askRegistry(registry, 'full/gone/manifests/v1', { method: 'DELETE' });
    await sleep(3_000);
    disk.free();
    if (asked.status !== 202) {
      isFull(asked);
      expectStatus(await askRegistry(registry, 'full/gone/manifests/v1', { method: 'DELETE' }), 202);
    }
    const [, layer = Buffer.alloc(0)] = gone.blobs;
    for (let looks = 0; filesIn(data).some((file) => file.endsWith(digestOf(layer).slice(7))); looks++) {
      assert.ok(looks < 200, `nothing was collected:\n${server.output()}`);
      await sleep(100);
    }
    for (const blob of kept.blobs) {
      assert.ok((await askRegistry(registry, `full/kept/blobs/${digestOf(blob)}`)).body.equals(blob));
    }
    assert.equal(await server.stop(), 0);
  });

  test('scrub tells what is damaged, leaves it where it is, and sets it aside once there is space', async () => {
    const image = tinyImage('damaged', [3_000_000]);
    const server = await startServer({ data });
    await push(registryOf(server), 'full/damaged', 'v1', image);
    assert.equal(await server.stop(), 0);
    const [, layer = Buffer.alloc(0)] = image.blobs;
    const file = filesIn(data).find((each) => each.endsWith(digestOf(layer).slice(7))) ?? '';
    const bytes = readFileSync(file);
    bytes[1_000_000] = (bytes[1_000_000] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    disk.fill(2 * MiB);
    const told = await run(process.execPath, [BIN, 'scrub', '--data', data]);
    assert.equal(told.code, 1, told.stderr);
    assert.match(
      told.stdout,
      /is damaged, and stays where it is, since the disk is full: .*: hurts full\/damaged:v1$/m,
    );
    assert.ok(readFileSync(file).equals(bytes));
    disk.free();
    const done = await run(process.execPath, [BIN, 'scrub', '--data', data]);
    assert.match(done.stdout, /is damaged, and kept as sha256:[0-9a-f]{64}: hurts full\/damaged:v1$/m);
    await using again = await startServer({ data });
    await push(registryOf(again), 'full/damaged', 'v1', image);
    const path = `full/damaged/blobs/${digestOf(layer)}`;
    assert.ok((await askRegistry(registryOf(again), path)).body.equals(layer));
  });

  test('a server says why it cannot start, and starts when there is space', async () => {
    const other = join(disk.folder, 'other');
    disk.fill(0);
    disk.useNames();
    const args = ['serve', '--data', other, '--listen', '127.0.0.1:0', '--registry-listen', 'off'];
    const { code, stderr } = await run(process.execPath, [BIN, ...args]);
    assert.equal(code, 1);
    assert.match(stderr, /^headgate: .*full.*(?:make room|free)/m);
    disk.free();
    await using server = await startServer({ data: other });
    await push(registryOf(server), 'full/late', 'v1', tinyImage('late'));
  });
});

function makeStream(server: TestServer, name: string): Promise<Answer> {
  const body = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name } };
  return askApi(apiOf(server), streamPath('default', ''), { method: 'POST', body });
}

async function streamsOf(server: TestServer): Promise<Set<string>> {
  const { items } = json(await askApi(apiOf(server), streamPath('default', ''))) as {
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  };
  return new Set(items.map(({ metadata }) => metadata.name));
}
