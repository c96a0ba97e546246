/** Servers that share a bucket and a store, with real clients. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openFilesystemBlobs } from '../../src/blobs/filesystem/filesystem.ts';
import { bytesOf } from '../../src/blobs/suite/sources.ts';
import { digestOf } from '../../src/image/digest.ts';
import { ask } from '../http.ts';
import { filesOf, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { ownHome, succeed, temporaryFolder } from '../program.ts';
import { appendTo, askRegistry, beginUpload, finishUpload, type Registry, uploadWhole } from '../registry.ts';
import { S3_CREDENTIALS, type S3Server, startS3 } from '../s3server.ts';
import { startServer, type TestServer, untilSaid } from '../server.ts';

Object.assign(process.env, S3_CREDENTIALS);
const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
const MiB = 1024 * 1024;

let s3: S3Server;
let one: TestServer;
let other: TestServer;
const storeFile = join(temporaryFolder(), 'headgate.db');

before(async () => {
  s3 = await startS3();
  await s3.makeBucket('images');
  one = await startReplica();
  other = await startReplica();
});
after(async () => {
  await one?.kill();
  await other?.kill();
  await s3?.stop();
});

/** A server with a data folder of its own. */
function startReplica(parameters = '', endpoint = s3.endpoint): Promise<TestServer> {
  const flags = ['--store', `sqlite:${storeFile}`, '--blobs', `s3://images/prod?endpoint=${endpoint}${parameters}`];
  return startServer({ flags });
}

function registryOf({ registryUrl, token }: TestServer): Registry {
  return { url: registryUrl, token };
}

/** The same upload at another server. */
function pathOf(location: string): string {
  const { pathname, search } = new URL(location, 'http://anywhere');
  return pathname + search;
}

suite('two servers, one bucket', () => {
  test('take the chunks of one upload in turns', async () => {
    const bytes = randomBytes(21 * MiB + 12_345);
    const servers = [registryOf(one), registryOf(other)] as const;
    let location = await beginUpload(servers[0], 'demo/turns');
    for (let start = 0, turn = 1; start < bytes.length; start += 3 * MiB, turn += 1) {
      const server = servers[turn % 2 === 0 ? 0 : 1];
      location = pathOf(await appendTo(server, location, start, bytes.subarray(start, start + 3 * MiB)));
    }
    await finishUpload(servers[0], location, digestOf(bytes));
    const pulled = await askRegistry(servers[1], `demo/turns/blobs/${digestOf(bytes)}`);
    assert.ok(pulled.body.equals(bytes));
  });

  test('go on with an upload whose server is killed while a chunk comes in', async () => {
    const doomed = await startReplica();
    const bytes = randomBytes(12 * MiB);
    const location = pathOf(
      await appendTo(
        registryOf(doomed),
        await beginUpload(registryOf(doomed), 'demo/doomed'),
        0,
        bytes.subarray(0, 5 * MiB),
      ),
    );
    const request = http.request(new URL(location, doomed.registryUrl), {
      method: 'PATCH',
      headers: { Authorization: `Bearer ${doomed.token}`, 'Content-Length': 7 * MiB },
    });
    request.on('error', () => undefined);
    request.write(bytes.subarray(5 * MiB, 9 * MiB));
    await sleep(300);
    await doomed.kill();
    const rest = registryOf(one);
    const state = await askRegistry(rest, location);
    assert.deepEqual([state.status, state.headers.range], [204, `0-${5 * MiB - 1}`]);
    await finishUpload(rest, pathOf(await appendTo(rest, location, 5 * MiB, bytes.subarray(5 * MiB))), digestOf(bytes));
    const pulled = await askRegistry(registryOf(other), `demo/doomed/blobs/${digestOf(bytes)}`);
    assert.ok(pulled.body.equals(bytes));
  });

  test('give what skopeo pushed to either of them, byte for byte', async () => {
    const env = ownHome();
    const source = await makeImages(env).image('1.0');
    const folder = temporaryFolder();
    const creds = (server: TestServer): string => `admin:${server.token}`;
    const remote = (server: TestServer): string => `docker://${server.registry}/demo/shared:1.0`;
    await succeed(
      part('skopeo'),
      ['copy', '--dest-tls-verify=false', '--dest-creds', creds(one), source, remote(one)],
      { env },
    );
    await succeed(
      part('skopeo'),
      ['copy', '--src-tls-verify=false', '--src-creds', creds(other), remote(other), `dir:${folder}`],
      { env },
    );
    const local = temporaryFolder();
    await succeed(part('skopeo'), ['copy', source, `dir:${local}`], { env });
    const [given, pushed] = [filesOf(folder), filesOf(local)];
    assert.deepEqual([...given.keys()].sort(), [...pushed.keys()].sort());
    for (const [name, bytes] of pushed) assert.ok(given.get(name)?.equals(bytes), name);
  });
});

suite('pulls that are sent to S3', () => {
  test('are redirected with an address that works, only where that was asked for', async () => {
    await using sending = await startReplica('&redirect=true');
    const bytes = randomBytes(200_000);
    await uploadWhole(registryOf(one), 'demo/away', bytes);
    const path = `demo/away/blobs/${digestOf(bytes)}`;
    const sent = await askRegistry(registryOf(sending), path);
    assert.equal(sent.status, 307);
    assert.equal(sent.headers['docker-content-digest'], digestOf(bytes));
    const url = String(sent.headers.location);
    assert.ok(url.startsWith(s3.endpoint));
    assert.ok((await ask(new URL(url))).body.equals(bytes));
    assert.equal((await askRegistry(registryOf(one), path)).status, 200);
    assert.equal((await askRegistry(registryOf(sending), path, { method: 'HEAD' })).status, 200);
  });
});

suite('content that moves', () => {
  const copy = (from: string, to: string): Promise<string> =>
    succeed(process.execPath, [BIN, 'blobs', 'copy', '--from', from, '--to', to], { env: { ...process.env } });

  test('from a folder to S3 and back is the same, also after a copy that was cut off', async () => {
    const data = join(temporaryFolder(), 'data');
    const source = await openFilesystemBlobs({ folder: join(data, 'blobs') });
    const contents = [randomBytes(20 * MiB + 1), ...Array.from({ length: 30 }, (_, n) => randomBytes(1 + n * 9_000))];
    for (const bytes of contents) await source.put(digestOf(bytes), bytes);
    await source.close();
    const bucket = `s3://images/moved?endpoint=${s3.endpoint}`;
    const cut = spawn(process.execPath, [BIN, 'blobs', 'copy', '--from', `file:${data}`, '--to', bucket], {
      stdio: 'ignore',
    });
    const ended = once(cut, 'close');
    while ((await s3.keys('images', 'moved/blobs/')).length < 2) await sleep(20);
    cut.kill('SIGKILL');
    await ended;
    assert.match(await copy(`file:${data}`, bucket), /^copied and checked: \d+ of 31 blobs/);
    assert.match(await copy(`file:${data}`, bucket), /^copied and checked: 0 of 31 blobs/);
    assert.deepEqual(await s3.keys('images', 'moved/content/'), [], 'what was copied is the blob itself');
    const back = join(temporaryFolder(), 'back');
    assert.match(await copy(bucket, `file:${back}`), /^copied and checked: 31 of 31 blobs/);
    const target = await openFilesystemBlobs({ folder: back });
    for (const bytes of contents) assert.ok((await bytesOf(await target.read(digestOf(bytes)))).equals(bytes));
    await target.close();
  });
});

suite('S3 that goes away', () => {
  test('is told by /readyz and by 503 with Retry-After; when it is back, all goes on', async () => {
    const mortal = await startS3();
    await mortal.makeBucket('images');
    await using server = await startReplica('', mortal.endpoint);
    const registry = registryOf(server);
    const bytes = randomBytes(100_000);
    await uploadWhole(registry, 'demo/mortal', bytes);
    assert.match(await readiness(server), /\[\+\]s3 ok/);
    const location = await beginUpload(registry, 'demo/mortal');
    await mortal.stop();
    assert.match(await readiness(server), /\[-\]s3 failed/);
    const headers = { 'Content-Type': 'application/octet-stream' };
    const refused = await askRegistry(registry, location, { method: 'PATCH', headers, body: bytes });
    assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '5']);
    assert.equal((await askRegistry(registry, `demo/mortal/blobs/${digestOf(bytes)}`)).status, 503);
    await untilSaid(server, /nothing answers there \(connection refused\)/);
    await using _ = await startS3({ folder: mortal.folder, port: Number(new URL(mortal.endpoint).port) });
    assert.ok((await askRegistry(registry, `demo/mortal/blobs/${digestOf(bytes)}`)).body.equals(bytes));
    await finishUpload(registry, await appendTo(registry, location, 0, bytes), digestOf(bytes));
    assert.match(await readiness(server), /\[\+\]s3 ok/);
  });

  test('or has no such bucket keeps the server from starting, with words for it', async () => {
    const flags = ['--blobs', `s3://missing?endpoint=${s3.endpoint}`];
    await assert.rejects(
      startServer({ flags }),
      /ended with 1 .*headgate: .*s3:\/\/missing.*no such bucket; create it/s,
    );
  });
});

async function readiness({ apiUrl, token, ca }: TestServer): Promise<string> {
  const headers = { Authorization: `Bearer ${token}` };
  const { body } = await ask(new URL('/readyz?verbose', apiUrl), { headers, ca });
  return body.toString();
}
