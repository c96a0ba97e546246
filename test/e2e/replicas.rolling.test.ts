/** Three replicas behind a balancer: what clients see while each is replaced, or killed, in turn. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askApi } from '../api.ts';
import { type Machines, startMachines } from '../crash/machines.ts';
import { MoveCheck } from '../crash/movecheck.ts';
import { randomFrom } from '../crash/random.ts';
import { connectionTo, NAMESPACE, Record, runTagClients } from '../crash/tagclients.ts';
import type { Connection } from '../crash/workload.ts';
import { makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { ownHome, run } from '../program.ts';
import { askRegistry, expectStatus } from '../registry.ts';

const SEED = 1;
/** Images that are copied while servers are killed. */
const COPIES = 12;
/** Tries of one copy, as those who script skopeo make them: a connection that breaks within an upload is not retried by it. */
const TRIES = 5;
/** Milliseconds between one server that was killed and the next. */
const CALM_MS = 700;

let machines: Machines;
let connection: Connection;

before(async () => {
  machines = await startMachines(3, randomFrom(SEED));
  connection = connectionTo(machines);
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  expectStatus(await askApi(connection.api, '/api/v1/namespaces', { method: 'POST', body }), 201);
});
after(async () => {
  connection?.close();
  await machines?.[Symbol.asyncDispose]();
});

suite('three replicas behind a balancer', () => {
  test('are restarted one after the other, and clients notice nothing', async () => {
    const record = new Record();
    const over = new AbortController();
    const clients = runTagClients(connection, record, randomFrom(SEED), over.signal);
    const roll = async (): Promise<void> => {
      for (const replica of machines.replicas) {
        await sleep(CALM_MS);
        assert.equal(await machines.restart(replica), 0);
      }
      await sleep(CALM_MS);
      over.abort();
    };
    await Promise.all([clients, roll()]);
    assert.deepEqual([...record.met], [], 'a client met what it did not want');
    assert.ok(record.acknowledged.size > 5 && record.reads > 50);
    await new MoveCheck().check(machines, connection, record, []);
  });

  test('are killed while skopeo copies in a loop, and nothing is lost', async () => {
    const env = ownHome();
    const images = makeImages(env);
    const source = await images.image('1.0');
    const copied = new Map<string, string>();
    let over = false;
    const copy = async (): Promise<void> => {
      for (let number = 0; number < COPIES; number++) {
        const target = `docker://${new URL(machines.front.registryUrl).host}/${NAMESPACE}/copied:t${number}`;
        const args = [
          'copy',
          '--retry-times=3',
          '--dest-tls-verify=false',
          `--dest-creds=admin:${machines.front.token}`,
        ];
        for (let tries = 1; ; tries++) {
          const { code, stderr } = await run(part('skopeo'), [...args, source, target], { env });
          if (code === 0) break;
          assert.ok(tries < TRIES, stderr);
        }
        copied.set(`t${number}`, '');
      }
      over = true;
    };
    const kill = async (): Promise<void> => {
      const random = randomFrom(SEED);
      while (!over) {
        await sleep(CALM_MS);
        const replica = machines.replicas[random.between(0, machines.replicas.length - 1)];
        if (replica && !over) await machines.crash(replica);
      }
    };
    await Promise.all([copy(), kill()]);
    await machines.healthy();
    const digests = new Set<string>();
    for (const { server } of machines.replicas) {
      const registry = { url: server.registryUrl, token: machines.front.token };
      for (const tag of copied.keys()) {
        const answer = await askRegistry(registry, `${NAMESPACE}/copied/manifests/${tag}`);
        assert.equal(answer.status, 200, `${tag} at ${server.registryUrl}`);
        digests.add(String(answer.headers['docker-content-digest']));
      }
    }
    assert.equal(copied.size, COPIES);
    assert.equal(digests.size, 1, 'every tag is the image that was copied');
  });
});
