/** One server of several processes: what one worker does the others show, and one that is killed costs a retry. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../src/image/digest.ts';
import { type Api, askApi, streamPath } from '../api.ts';
import { type Answer, answerTo, json } from '../http.ts';
import { filesOf, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { ownHome, run, succeed, temporaryFolder } from '../program.ts';
import { appendTo, askRegistry, beginUpload, finishUpload, type Registry, uploadInPieces } from '../registry.ts';
import type { TestServer } from '../server.ts';
import { bytesOf } from '../tinyimage.ts';
import { deathsOf, killWorker, startWorkers, untilGone, untilWorkers, workersOf } from '../workers.ts';

const WORKERS = 4;
const FLAGS = ['--log-level', 'debug'];
/** Tries of what a killed worker broke off. */
const TRIES = 5;

let server: TestServer;
let api: Api;
let registry: Registry;

before(async () => {
  server = await startWorkers(WORKERS, { flags: FLAGS });
  // Each request on a connection of its own, so that any worker may get it, and none waits in a pool for one that is dead.
  api = { url: server.apiUrl, token: server.token, ca: server.ca, agent: new https.Agent({ keepAlive: false }) };
  registry = { url: server.registryUrl, token: server.token, agent: new http.Agent({ keepAlive: false }) };
});
after(async () => {
  await server?.kill();
});

/** The workers that have answered requests, by what the log says. */
function served(): ReadonlySet<string> {
  return new Set([...server.output().matchAll(/ request {2}worker=(\d+) /g)].map(([, number]) => number ?? ''));
}

function makeStream(name: string): Promise<Answer> {
  const body = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name } };
  return askApi(api, streamPath('default', ''), { method: 'POST', body });
}

async function metric(line: RegExp): Promise<number> {
  const { body } = await askApi(api, '/metrics');
  return [...body.toString().matchAll(new RegExp(line, 'gm'))].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Kills one worker after the other, each time when all answer, until told to end. */
function killer(pauseMs: number): { deaths(): number; stop(): Promise<void> } {
  let stopped = false;
  let deaths = 0;
  const killing = (async () => {
    for (let number = 1; !stopped; number = (number % WORKERS) + 1) {
      const died = deathsOf(server);
      const pid = workersOf(server).get(number);
      if (pid) process.kill(pid, 'SIGKILL');
      await untilWorkers(server, WORKERS, died + (pid ? 1 : 0));
      if (pid) deaths += 1;
      await sleep(pauseMs);
    }
  })();
  return {
    deaths: () => deaths,
    async stop() {
      stopped = true;
      await killing;
    },
  };
}

suite('four workers', () => {
  test('answer on the same addresses, and share the work', async () => {
    assert.deepEqual(new Set(workersOf(server).keys()), new Set([1, 2, 3, 4]));
    for (let round = 0; served().size < 2 && round < 100; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => askApi(api, streamPath('default', ''))));
      assert.ok(answers.every(({ status }) => status === 200));
    }
    assert.ok(served().size >= 2, `all was answered by ${[...served()].join()}`);
  });

  test('tell at once what any of them has written, in lists and in watches', async () => {
    const { metadata } = json(await askApi(api, streamPath('default', ''))) as {
      metadata: { resourceVersion: string };
    };
    const path = `${streamPath('default', '')}?watch=1&resourceVersion=${metadata.resourceVersion}`;
    const headers = { Authorization: `Bearer ${server.token}` };
    const watches = await Promise.all(
      Array.from({ length: 12 }, () => answerTo(server.apiUrl + path, { headers, ca: server.ca })),
    );
    const told = watches.map((watch) => namesTold(watch, 20));
    const names = Array.from({ length: 20 }, (_, index) => `watched-${index}`);
    for (const name of names) {
      assert.equal((await makeStream(name)).status, 201);
      assert.equal((await askApi(api, streamPath('default', name))).status, 200, 'whoever wrote must find it anywhere');
    }
    for (const each of told) assert.deepEqual(await each, names);
    for (const watch of watches) watch.destroy();
  });

  test('take the pieces of one upload in turns', async () => {
    const bytes = bytesOf('in turns', 3_000_000);
    await uploadInPieces(registry, 'default/turns', bytes, 150_000);
    const pulled = await askRegistry(registry, `default/turns/blobs/${digestOf(bytes)}`);
    assert.ok(pulled.body.equals(bytes));
  });

  test('are counted together, and what a dead one had counted stays counted', async () => {
    const created = /^headgate_requests_total\{edge="kube",verb="create",code="201"\} (\d+)$/;
    const before = await metric(created);
    await Promise.all(Array.from({ length: 30 }, (_, index) => makeStream(`counted-${index}`)));
    assert.equal(await metric(created), before + 30);
    const memory = await metric(/^process_resident_memory_bytes (\d+)$/);
    assert.ok(memory > WORKERS * 40 * 2 ** 20, `${memory} bytes are those of one process`);
    const died = deathsOf(server);
    killWorker(server, 2);
    await untilWorkers(server, WORKERS, died + 1);
    assert.equal(await metric(created), before + 30);
  });
});

suite('workers that are killed again and again', () => {
  test('lose no write of the API that was acknowledged, and clients see at most a retry', async () => {
    const killing = killer(100);
    const write = async (name: string): Promise<void> => {
      for (let tries = 1; ; tries++) {
        try {
          const { status } = await makeStream(name);
          // What was made and could not be answered is there.
          assert.ok(status === 201 || (tries > 1 && status === 409), `${name}: ${status}`);
          return;
        } catch (error) {
          if (error instanceof assert.AssertionError || tries === TRIES) throw error;
        }
      }
    };
    const names: string[] = [];
    const writer = async (): Promise<void> => {
      while (names.length < 400 || killing.deaths() < 3) {
        const name = `killed-${names.length}`;
        names.push(name);
        await write(name);
      }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    await killing.stop();
    const { items } = json(await askApi(api, streamPath('default', ''))) as { items: { metadata: { name: string } }[] };
    const found = new Set(items.map(({ metadata }) => metadata.name));
    assert.deepEqual(
      names.filter((name) => !found.has(name)),
      [],
    );
  });

  test('cost skopeo a retry, and no image is lost', async () => {
    const env = ownHome();
    const source = await makeImages(env).image('1.0');
    const remote = (tag: string): string => `docker://${server.registry}/default/killed:${tag}`;
    const creds = `admin:${server.token}`;
    const local = temporaryFolder();
    await succeed(part('skopeo'), ['copy', source, `dir:${local}`], { env });
    const killing = killer(300);
    const tags = Array.from({ length: 12 }, (_, index) => `v${index}`);
    for (const tag of tags) {
      const flags = ['--retry-times', String(TRIES), '--dest-tls-verify=false', '--dest-creds', creds];
      await succeed(part('skopeo'), ['copy', ...flags, source, remote(tag)], { env });
    }
    await killing.stop();
    for (const tag of tags) {
      const folder = temporaryFolder();
      await succeed(
        part('skopeo'),
        ['copy', '--src-tls-verify=false', '--src-creds', creds, remote(tag), `dir:${folder}`],
        { env },
      );
      assert.deepEqual(filesOf(folder), filesOf(local));
    }
  });

  test('leave an upload that another goes on with', async () => {
    const bytes = bytesOf('left behind', 600_000);
    let location = await beginUpload(registry, 'default/left');
    location = await appendTo(registry, location, 0, bytes.subarray(0, 200_000));
    for (let kills = 0; kills < WORKERS; kills++) {
      const died = deathsOf(server);
      killWorker(server, kills + 1);
      await untilWorkers(server, WORKERS, died + 1);
    }
    location = await appendTo(registry, location, 200_000, bytes.subarray(200_000));
    await finishUpload(registry, location, digestOf(bytes));
    assert.ok((await askRegistry(registry, `default/left/blobs/${digestOf(bytes)}`)).body.equals(bytes));
  });
});

suite('a server of several workers', () => {
  test('drains: an upload under way is finished, watches end, and all of it is gone', async () => {
    const other = await startWorkers(3);
    const pids = [...workersOf(other).values()];
    const headers = { Authorization: `Bearer ${other.token}` };
    const watch = await answerTo(`${other.apiUrl}${streamPath('default', '')}?watch=1`, { headers, ca: other.ca });
    const ended = once(watch.resume(), 'end');
    const bytes = bytesOf('drained', 500_000);
    const target = { url: other.registryUrl, token: other.token };
    const location = await beginUpload(target, 'default/drained');
    const request = http.request(new URL(location, other.registryUrl), {
      method: 'PATCH',
      headers: { ...headers, Expect: '100-continue' },
      agent: false,
    });
    request.flushHeaders();
    // So it has arrived.
    await once(request, 'continue');
    request.write(bytes.subarray(0, 100_000));
    const stopped = other.stop();
    await ended;
    request.end(bytes.subarray(100_000));
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(answer.statusCode, 202);
    answer.resume();
    assert.equal(await stopped, 0);
    await untilGone(pids);
  });

  test('is gone when its parent is killed', async () => {
    const other = await startWorkers(2);
    const pids = [...workersOf(other).values()];
    await other.kill();
    await untilGone(pids);
  });

  test('says what keeps it from starting, and ends', async () => {
    const args = ['serve', '--data', temporaryFolder(), '--workers', '2', '--registry-listen', 'off'];
    const bin = new URL('../../bin/headgate.js', import.meta.url).pathname;
    const { code, stderr } = await run(process.execPath, [bin, ...args, '--listen', new URL(server.apiUrl).host]);
    assert.equal(code, 1);
    assert.match(stderr, /^headgate: cannot listen on 127\.0\.0\.1:\d+: something listens there already/m);
  });
});

/** The names of the first so many objects that a watch tells of. */
async function namesTold(watch: IncomingMessage, count: number): Promise<string[]> {
  const names: string[] = [];
  let rest = '';
  for await (const piece of watch.setEncoding('utf8')) {
    const lines = (rest + String(piece)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const { object } = JSON.parse(line) as { object: { metadata: { name: string } } };
      names.push(object.metadata.name);
    }
    if (names.length >= count) return names;
  }
  return names;
}
