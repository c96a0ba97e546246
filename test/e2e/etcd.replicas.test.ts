/** Two servers on one etcd: what one acknowledges the other shows, and etcd's outages end in clear answers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Api, askApi, IMAGE_API, streamPath } from '../api.ts';
import { startEtcd, type TestEtcd } from '../etcd.ts';
import { type Answer, answerTo, json } from '../http.ts';
import { type Outcome, run, temporaryFolder } from '../program.ts';
import { putManifest, type Registry, uploadWhole } from '../registry.ts';
import { beginServer, startServer, type TestServer } from '../server.ts';
import { tinyImage } from '../tinyimage.ts';

/** Milliseconds after which an answer counts as never coming: a server takes 10 s at most, and this machine may be busy. */
const ANSWER_MS = 30_000;

let etcd: TestEtcd;
let flags: readonly string[];
let one: TestServer;
let other: TestServer;

before(async () => {
  etcd = await startEtcd({ program: 'etcd-3.6' });
  flags = [
    '--store',
    `etcd://${etcd.endpoints.join()}/headgate`,
    '--blobs',
    `file:${join(temporaryFolder(), 'blobs')}`,
  ];
  [one, other] = await Promise.all([startServer({ flags }), startServer({ flags })]);
});
after(async () => {
  await Promise.all([one?.kill(), other?.kill()]);
  await etcd[Symbol.asyncDispose]();
});

const apiOf = (server: TestServer): Api => ({ url: server.apiUrl, token: server.token, ca: server.ca });
const registryOf = (server: TestServer): Registry => ({ url: server.registryUrl, token: server.token });
const tagPath = (name: string): string => `${IMAGE_API}/namespaces/default/imagestreamtags/${name}`;

/** Pushes an image that differs by its number; resolves to its digest. */
async function push(server: TestServer, stream: string, tag: string, number: number): Promise<string> {
  const image = tinyImage(`${stream} ${number}`);
  const repository = `default/${stream}`;
  for (const blob of image.blobs) await uploadWhole(registryOf(server), repository, blob);
  await putManifest(registryOf(server), repository, tag, image.manifest, image.mediaType);
  return image.digest;
}

async function imageOf(server: TestServer, tag: string): Promise<string> {
  const answer = await askApi(apiOf(server), tagPath(tag));
  assert.equal(answer.status, 200, answer.body.toString());
  return (json(answer) as { image: { metadata: { name: string } } }).image.metadata.name;
}

/** Runs a command of Headgate to its end. */
function headgate(...args: readonly string[]): Promise<Outcome> {
  const bin = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
  return run(process.execPath, [bin, ...args]);
}

/** Asks, and sees that the answer comes in time. */
async function inTime(ask: Promise<Answer>): Promise<Answer> {
  const begun = performance.now();
  const answer = await ask;
  assert.ok(performance.now() - begun < ANSWER_MS, `an answer took ${performance.now() - begun} ms`);
  return answer;
}

suite('two servers on one etcd', () => {
  test('show at once what the other has acknowledged', async () => {
    for (let number = 0; number < 20; number++) {
      const [writer, reader] = number % 2 === 0 ? [one, other] : [other, one];
      const digest = await push(writer, 'shared', 'latest', number);
      assert.equal(await imageOf(reader, 'shared:latest'), digest);
    }
    const stream = json(await askApi(apiOf(one), streamPath('default', 'shared'))) as {
      status: { tags: { items: unknown[] }[] };
    };
    assert.equal(stream.status.tags[0]?.items.length, 20);
  });

  test('tell the watches of one of what the other does, in order and once', async () => {
    await push(one, 'watched', 'latest', 0);
    const list = json(await askApi(apiOf(other), streamPath('default', ''))) as {
      metadata: { resourceVersion: string };
    };
    const query = `?watch=1&resourceVersion=${list.metadata.resourceVersion}&fieldSelector=metadata.name%3Dwatched`;
    const watch = await answerTo(other.apiUrl + streamPath('default', '') + query, {
      headers: { Authorization: `Bearer ${other.token}` },
      ca: other.ca,
    });
    let text = '';
    watch.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    const digests: string[] = [];
    for (let number = 1; number <= 10; number++) digests.push(await push(one, 'watched', 'latest', number));
    while (text.split('\n').length <= 10) await once(watch, 'data');
    const told = text
      .trim()
      .split('\n')
      .map(
        (line) =>
          JSON.parse(line) as {
            object: { status: { tags: { items: { image: string }[] }[] } };
          },
      );
    assert.deepEqual(
      told.map(({ object }) => object.status.tags[0]?.items[0]?.image),
      digests,
    );
    watch.destroy();
  });

  test('lose nothing when one of them is killed, and the next takes its place', async () => {
    const digests = new Map<string, string>();
    const victim = await startServer({ flags });
    let alive = true;
    const pushes = (async () => {
      for (let number = 0; alive; number++) {
        try {
          digests.set(`t${number}`, await push(victim, 'killed', `t${number}`, number));
        } catch {
          return;
        }
      }
    })();
    while (digests.size < 5) await sleep(10);
    await victim.kill();
    alive = false;
    await pushes;
    for (const [tag, digest] of digests) assert.equal(await imageOf(other, `killed:${tag}`), digest);
    await using next = await startServer({ flags });
    assert.equal(await imageOf(next, 'killed:t0'), digests.get('t0'));
  });

  test('are backed up while they serve, and brought back elsewhere', async () => {
    const digest = await push(one, 'backed', 'up', 0);
    const file = join(temporaryFolder(), 'backup.gz');
    const wrote = await headgate('backup', '--to', file, ...flags);
    assert.equal(wrote.code, 0, wrote.stderr);
    assert.match(wrote.stdout, /^wrote .*: \d+ keys as of revision \d+, and the names of \d+ blobs\n$/);
    await push(other, 'backed', 'later', 1);

    const data = join(temporaryFolder(), 'data');
    const without = await headgate('restore', '--from', file, '--data', data);
    assert.equal(without.code, 1);
    assert.match(without.stdout, /^restored and compared: \d+ keys of /);
    assert.match(without.stderr, /headgate: \d+ blobs are not there yet, copy them to --blobs: sha256:/);
    const [, blobs = ''] = flags.slice(2);
    const restored = await headgate('restore', '--from', file, '--data', data, '--blobs', blobs);
    assert.equal(restored.code, 0, restored.stderr);
    await using server = await startServer({ data, flags: ['--blobs', blobs] });
    assert.equal(await imageOf(server, 'backed:up'), digest);
    assert.equal((await askApi(apiOf(server), tagPath('backed:later'))).status, 404);
  });

  test('answer clearly while etcd is away, and go on when it is back', async () => {
    const digest = await push(one, 'away', 'latest', 0);
    await imageOf(one, 'away:latest');
    const path = streamPath('default', 'away');
    etcd.signal(0, 'SIGSTOP');
    for (const ask of [
      askApi(apiOf(one), path),
      askApi(apiOf(one), path, {
        method: 'PATCH',
        body: { metadata: { labels: { a: 'b' } } },
        type: 'application/merge-patch+json',
      }),
    ]) {
      const refused = await inTime(ask);
      assert.equal(refused.status, 503, refused.body.toString());
      assert.ok(Number(refused.headers['retry-after']) > 0);
    }
    const stale = await inTime(askApi(apiOf(one), `${path}?resourceVersion=0`));
    assert.equal(stale.status, 200);
    assert.match(stale.body.toString(), new RegExp(digest));
    assert.equal((await inTime(askApi(apiOf(one), '/livez'))).status, 200);
    const ready = await inTime(askApi(apiOf(one), '/readyz?verbose'));
    assert.equal(ready.status, 500);
    assert.match(ready.body.toString(), /^\[-\]etcd failed/m);
    etcd.signal(0, 'SIGCONT');
    for (let tries = 0; (await askApi(apiOf(one), '/readyz')).status !== 200; tries++) {
      assert.ok(tries < 200);
      await sleep(50);
    }
    assert.equal(await imageOf(one, 'away:latest'), digest);
    assert.equal(await imageOf(other, 'away:latest'), await push(one, 'away', 'latest', 0));
  });

  test('start before etcd, and stop while it is away', async () => {
    etcd.signal(0, 'SIGKILL');
    const starting = beginServer({ flags });
    await sleep(1_000);
    const stopped = await one.stop();
    assert.equal(stopped, 0, one.output());
    await etcd.restart(0);
    await using started = await starting.ready;
    assert.ok(await imageOf(started, 'shared:latest'));
    assert.ok(await imageOf(other, 'shared:latest'));
  });
});
