/** Quotas of replicas that share an etcd. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startQuotaCounts } from '../../src/cluster/quotacounts.ts';
import { resourceQuotas } from '../../src/cluster/resourcequotas.ts';
import { type ResourceQuota, storedQuota } from '../../src/objects/charges.ts';
import type { Context } from '../../src/objects/context.ts';
import { deleteObject } from '../../src/objects/deletes.ts';
import { DomainError } from '../../src/objects/errors.ts';
import { countKept } from '../../src/objects/reads.ts';
import { createObject } from '../../src/objects/writes.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import { imageStreams } from '../../src/streams/imagestream.ts';
import { testContext } from '../context.ts';
import { startEtcd } from '../etcd.ts';

const STREAMS = 'openshift.io/imagestreams';
const WRITES = 40;
/** In turn each replica creates six and deletes one of them. */
const DELETES_EVERY = 7;

/** The reason of a refusal; undefined if there was none. */
async function reasonOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.problem.reason;
    throw error;
  }
}

function make(ctx: Context, name: string): Promise<string | undefined> {
  return reasonOf(createObject(ctx, imageStreams, 'default', { metadata: { name } }));
}

function write(ctx: Context, index: number, limit: number): Promise<string | undefined> {
  if (index === 5) {
    const spec = { hard: { [STREAMS]: String(limit) } };
    return reasonOf(createObject(ctx, resourceQuotas, 'default', { metadata: { name: 'q' }, spec }));
  }
  if (index % DELETES_EVERY === DELETES_EVERY - 1) {
    return reasonOf(deleteObject(ctx, imageStreams, 'default', `s${index - 3}`, {}));
  }
  return make(ctx, `s${index}`);
}

async function quotaOf({ store }: Context): Promise<ResourceQuota> {
  const entry = await store.get('/resourcequotas/default/q');
  return entry ? storedQuota(entry) : assert.fail('there is no quota');
}

test('two replicas never exceed a quota, count alike, and tell nobody of conflicts', async () => {
  await using etcd = await startEtcd();
  for (const limit of [0, 4, 12]) {
    await using opened = new AsyncDisposableStack();
    const location = etcd.location();
    const replicas: Context[] = [];
    for (let index = 0; index < 2; index++) {
      const store = opened.adopt(await openEtcdStore({ location }), (it) => it.close());
      const ctx = await testContext({ store });
      opened.adopt(startQuotaCounts(ctx, [imageStreams, resourceQuotas]), (it) => it.close());
      replicas.push(ctx);
    }
    const [one, other] = replicas;
    assert.ok(one && other);
    // Both have looked before anything restricts the namespace.
    assert.deepEqual([await make(one, 'a'), await make(other, 'b')], [undefined, undefined]);
    const both = (index: number): Context => (index % 2 === 0 ? one : other);
    const told = await Promise.all(Array.from({ length: WRITES }, (_, index) => write(both(index), index, limit)));
    const before = await countKept(one.store, imageStreams, 'default');
    told.push(...(await Promise.all(Array.from({ length: WRITES }, (_, index) => make(both(index), `t${index}`)))));
    const count = await countKept(other.store, imageStreams, 'default');
    assert.ok(count <= Math.max(before, limit), `${count} streams, limit ${limit}`);
    assert.equal((await quotaOf(one)).status?.used?.[STREAMS], String(count));
    assert.deepEqual(
      [...new Set(told)].filter((reason) => reason === 'Conflict'),
      [],
    );
  }
});
