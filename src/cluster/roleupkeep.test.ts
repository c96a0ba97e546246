import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { ROLE_UPKEEP_DELAY_MS } from '../limits.ts';
import { deleteObject } from '../objects/deletes.ts';
import { StoreUnavailable } from '../store/store.ts';
import { clusterRoles } from './roles.ts';
import { startRoleUpkeep } from './roleupkeep.ts';
import { seedAccess } from './seed.ts';

const ROLE = '/rbac/clusterroles/registry-viewer';

test('a moment after the start default roles are restored', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ctx = await testContext();
  await seedAccess(ctx);
  await deleteObject(ctx, clusterRoles, '', 'registry-viewer', {});
  const upkeep = startRoleUpkeep(ctx, assert.ifError);
  t.mock.timers.tick(ROLE_UPKEEP_DELAY_MS);
  await upkeep.close();
  assert.ok(await ctx.store.get(ROLE));
});

test('a server that ends before does nothing; one whose store is away says so', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ctx = await testContext();
  await startRoleUpkeep(ctx, assert.ifError).close();
  t.mock.timers.tick(ROLE_UPKEEP_DELAY_MS);
  assert.equal(await ctx.store.get(ROLE), undefined);

  const failures: unknown[] = [];
  const away = new StoreUnavailable('the store is away');
  const store = Object.assign(Object.create(ctx.store) as typeof ctx.store, { get: () => Promise.reject(away) });
  const upkeep = startRoleUpkeep({ ...ctx, store }, (error) => failures.push(error));
  t.mock.timers.tick(ROLE_UPKEEP_DELAY_MS);
  await upkeep.close();
  assert.deepEqual(failures, [away]);
});
