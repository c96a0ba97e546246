/**
 * Clients push, tag, move and delete the same few images while garbage is collected without grace, by the servers and by
 * `headgate gc` beside them, and any of them is killed at any moment. What was acknowledged must be there each time, whole;
 * and when all is over, nothing may be left that no image needs.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../src/image/digest.ts';
import { askApi, streamPath } from '../api.ts';
import { json } from '../http.ts';
import { askRegistry, expectStatus } from '../registry.ts';
import type { TestServer } from '../server.ts';
import type { Ground, Site } from './grounds.ts';
import { Ledger } from './ledger.ts';
import { type Random, randomFrom } from './random.ts';
import { Verifier } from './verify.ts';
import { type Connection, connectTo, makeNamespaceAt, NAMESPACE, runClients } from './workload.ts';

/** Not much longer than a push of the clients here takes, so that what it protects is gone soon after. */
const LEASE_SECONDS = 6;
const FLAGS = ['--gc-interval', '1s', '--gc-grace', '0s', '--gc-lease', `${LEASE_SECONDS}s`];
const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
/** What a run says that found nothing. */
const NOTHING = /^0 deleted, 0 B freed; 0 wait/;
/** What a run says that deleted something. */
const SOMETHING = /^[1-9]\d* deleted/m;
/** Runs after the last client has gone within which everything must be clean. */
const SETTLING_RUNS = 10;
/** Milliseconds that the clients are let work before the kill, at most. */
const WORK_MS = 8_000;
/** Another process may be deleting content, and writers wait for one that seems to have died. */
const DISTURBED = 0.6;

export interface Stress {
  readonly seed: number;
  readonly seconds: number;
}

/** Runs it, and says what was done. */
export async function collectWhileKilled(t: TestContext, ground: Ground, { seed, seconds }: Stress): Promise<void> {
  const random = randomFrom(seed);
  const ledger = new Ledger(LEASE_SECONDS * 1000);
  const verifier = new Verifier(ledger, () => ground.openStore());
  {
    await using site = await ground.start([]);
    await makeNamespaceAt(firstOf(site));
  }
  const end = performance.now() + seconds * 1000;
  let kills = 0;
  let collected = 0;
  while (performance.now() < end) {
    await using site = await ground.start(FLAGS);
    await verifier.verify(firstOf(site), 'touched');
    while (site.killPart && performance.now() < end && random.chance(DISTURBED)) {
      await workUntilKilled(site, ground, ledger, random, site.killPart);
      await verifier.verify(firstOf(site), 'touched');
      await site.recover();
      kills += 1;
    }
    await workUntilKilled(site, ground, ledger, random, () => site.kill());
    kills += 1;
    collected += site.output().match(/garbage collected/g)?.length ?? 0;
  }
  await using site = await ground.start([...FLAGS, '--gc-interval', 'off']);
  const server = firstOf(site);
  await verifier.verify(server, 'all');
  // Uploads that were never finished go on in the look above, and hold what they hold for as long as a lease.
  await sleep((LEASE_SECONDS + 1) * 1000);
  const { stdout } = await collector(ground).ended;
  let left = stdout;
  // What the first run freed may have been all that led to something else, and a lease may have outlasted the pause.
  for (let run = 0; run < SETTLING_RUNS && !NOTHING.test(left); run++) {
    await sleep(LEASE_SECONDS * 1000);
    if (SOMETHING.test(left)) collected += 1;
    left = (await collector(ground).ended).stdout;
  }
  assert.match(left, NOTHING, 'in the end a run finds nothing');
  await verifier.verify(server, 'all');
  await nothingIsLeft(server, ground, ledger);

  const { facts, pulled } = verifier.figures;
  assert.ok(
    collected > 0 && ledger.acknowledgements > kills,
    `hardly anything happened: ${collected} collections, ${ledger.acknowledgements} acknowledgements, ${kills} kills`,
  );
  t.diagnostic(`${kills} kills, ${collected} collections that deleted something, ${ledger.pushes} pushes, lost: 0`);
  t.diagnostic(`${facts} facts looked at, ${pulled} images pulled byte for byte`);
  t.diagnostic(`at the end: ${stdout.trim().split('\n').at(-1)}`);
}

function firstOf({ servers: [first] }: Site): TestServer {
  if (!first) throw new Error('no server runs');
  return first;
}

interface Collector {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly stdout: string }>;
}

/** `headgate gc` in a process of its own. */
function collector({ flags }: Ground): Collector {
  const child = spawn(process.execPath, [BIN, 'gc', ...flags, '--gc-grace', '0s'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HEADGATE_CHILD: '1' },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    const fine = code === 0 || signal === 'SIGKILL';
    assert.ok(fine, `headgate gc ended with ${code ?? signal}: ${stderr}`);
    return { stdout };
  });
  return { child, ended };
}

/** Lets clients work, with a collector beside the servers; then `kill` is called, and perhaps the collector killed. */
async function workUntilKilled(
  { servers }: Site,
  ground: Ground,
  ledger: Ledger,
  random: Random,
  kill: (random: Random) => Promise<void>,
): Promise<void> {
  const connections = servers.map(connectTo);
  let killed = false;
  const clients = runClients(connections, ledger, random.fork(), () => killed);
  const beside = random.chance(0.5) ? collector(ground) : undefined;
  const work = sleep(random.between(500, WORK_MS));
  if (beside && random.chance(0.5)) {
    await Promise.race([sleep(random.between(500, 3_000)), work, clients]);
    beside.child.kill('SIGKILL');
  }
  // If a client meets what it must not, there is nothing to wait for.
  await Promise.race([work, clients]);
  killed = true;
  await kill(random);
  await clients;
  for (const connection of connections) connection.close();
  await beside?.ended;
}

/** All content must be needed by an image that can be pulled. */
async function nothingIsLeft(server: TestServer, ground: Ground, ledger: Ledger): Promise<void> {
  const connection = connectTo(server);
  const needed = new Set<string>();
  const need = (digest: string): void => {
    const image = ledger.images.get(digest);
    assert.ok(image, `nobody made ${digest}`);
    needed.add(digest);
    for (const blob of image.blobs) needed.add(digestOf(blob));
    const { manifests = [] } = JSON.parse(String(image.manifest)) as { manifests?: { digest: string }[] };
    for (const child of manifests) need(child.digest);
  };
  for (const digest of await pullable(connection, ledger)) need(digest);
  const left = (await ground.content()).filter((digest) => !needed.has(digest));
  assert.deepEqual(left, [], 'content that no image needs');
  connection.close();
}

/** Every image that a tag's history names, or that was pushed by digest (also if that was never answered). */
async function pullable({ api, registry }: Connection, ledger: Ledger): Promise<Set<string>> {
  const found = new Set<string>();
  const { items } = json(expectStatus(await askApi(api, streamPath(NAMESPACE, '')), 200)) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly status: { readonly tags?: readonly { readonly items: readonly { readonly image: string }[] }[] };
    }[];
  };
  for (const { status } of items)
    for (const tag of status.tags ?? []) for (const { image } of tag.items) found.add(image);
  for (const digest of ledger.images.keys()) {
    if (found.has(digest)) continue;
    for (const repository of ledger.repositories()) {
      const answer = await askRegistry(registry, `${repository}/manifests/${digest}`, { method: 'GET' });
      if (answer.status === 200) found.add(digest);
    }
  }
  return found;
}
