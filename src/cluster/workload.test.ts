import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testContext } from '../../test/context.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { type Deployment, deployments } from './deployments.ts';
import { dropOldEvents, events } from './events.ts';
import { cronJobs, type Job, jobs } from './jobs.ts';
import { leases } from './leases.ts';
import { networkPolicies } from './networkpolicies.ts';
import { pods } from './pods.ts';
import { replicationControllers } from './replicasets.ts';
import { clusterResources } from './resources.ts';
import { endpoints, services } from './services.ts';

const template = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'app', image: 'quay.test/app:1' }] },
};
const spec = { replicas: 2, selector: { matchLabels: { app: 'web' } }, template };

function causesOf(error: unknown): string[] {
  assert.ok(isProblem(error, 'Invalid') && error.problem.reason === 'Invalid');
  return error.problem.causes.map(fieldErrorText);
}

async function refusal<T extends KubeObject>(resource: Resource<T>, object: Omit<T, 'metadata'>): Promise<string[]> {
  const ctx = await testContext();
  const named = { metadata: { name: 'web' }, ...object } as unknown as T;
  return createObject(ctx, resource, 'default', named).then(() => [], causesOf);
}

async function deployed(): Promise<Context> {
  const ctx = await testContext();
  await createObject(ctx, deployments, 'default', { metadata: { name: 'web' }, spec: structuredClone(spec) });
  return ctx;
}

suite('workloads', () => {
  test('are kept as they are given; the status is nobody else’s', async () => {
    const ctx = await testContext();
    const given: Deployment = { metadata: { name: 'web' }, spec: structuredClone(spec), status: { readyReplicas: 7 } };
    const { object } = await createObject(ctx, deployments, 'default', given);
    assert.deepEqual([object.spec, object.status, object.metadata.generation], [spec, undefined, 1]);
    const rules = deployments.subresources?.find(({ name }) => name === 'status')?.status;
    assert.ok(rules);
    const report = (old: Deployment): Deployment => ({ ...old, spec: {}, status: { readyReplicas: 1 } });
    const reported = await updateObject(ctx, deployments, 'default', 'web', report, { rules });
    assert.deepEqual([reported.object.spec, reported.object.status], [spec, { readyReplicas: 1 }]);
    const forged = await updateObject(ctx, deployments, 'default', 'web', (old) => ({ ...old, status: {} }));
    assert.deepEqual(forged.object.status, { readyReplicas: 1 });
    const grown = (old: Deployment): Deployment => ({ ...old, spec: { ...old.spec, replicas: 3 } });
    assert.equal((await updateObject(ctx, deployments, 'default', 'web', grown)).object.metadata.generation, 2);
  });

  test('select their own pods, with containers that have names and images', async () => {
    assert.deepEqual(await refusal(deployments, { spec: { template } }), ['spec.selector: Required value']);
    assert.deepEqual(await refusal(deployments, { spec: { ...spec, selector: { matchLabels: { app: 'db' } } } }), [
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ]);
    assert.deepEqual(await refusal(pods, { spec: { containers: [] } }), ['spec.containers: Required value']);
    assert.deepEqual(await refusal(pods, { spec: { containers: [{ name: 'a' }, { name: 'a', image: 'x' }] } }), [
      'spec.containers[0].image: Required value',
      'spec.containers[1].name: Duplicate value: "a"',
    ]);
    assert.deepEqual(await refusal(cronJobs, { spec: { jobTemplate: { spec: { template } } } }), [
      'spec.schedule: Required value',
    ]);
  });

  test('say ranges of ports that begin with a number and end no lower', async () => {
    const refused = (...ports: object[]): Promise<string[]> =>
      refusal(networkPolicies, { spec: { egress: [{ ports }] } });
    const at = (index: number): string => `spec.egress[0].ports[${index}].endPort: Invalid value: 80: `;
    assert.deepEqual(await refused({ port: 80, endPort: 80 }, { port: 'http' }), []);
    assert.deepEqual(await refused({ endPort: 80 }, { port: 'http', endPort: 80 }, { port: 81, endPort: 80 }), [
      `${at(0)}may not be specified when \`port\` is not specified`,
      `${at(1)}may not be specified when \`port\` is non-numeric`,
      `${at(2)}must be greater than or equal to \`port\``,
    ]);
  });

  test('keep what cannot change: selectors, and what a job does', async () => {
    const ctx = await deployed();
    const other = (old: Deployment): Deployment => ({
      ...old,
      spec: { selector: { matchLabels: { app: 'x' } }, template: { ...template, metadata: { labels: { app: 'x' } } } },
    });
    await assert.rejects(updateObject(ctx, deployments, 'default', 'web', other), (error) => {
      assert.deepEqual(causesOf(error), [
        'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
      ]);
      return true;
    });
    await createObject(ctx, jobs, 'default', { metadata: { name: 'job' }, spec: { template } });
    const image = (old: Job): Job => ({
      ...old,
      spec: { template: { spec: { containers: [{ name: 'app', image: 'y' }] } } },
    });
    await assert.rejects(updateObject(ctx, jobs, 'default', 'job', image), (error) => isProblem(error, 'Invalid'));
  });

  test('begin with what others rely on', async () => {
    const ctx = await testContext();
    const pod = await createObject(ctx, pods, 'default', { metadata: { name: 'p' }, spec: { ...template.spec } });
    assert.equal(pod.object.status?.phase, 'Pending');
    assert.equal(pod.object.spec?.serviceAccountName, 'default');
    const controller = { metadata: { name: 'rc' }, spec: { template } };
    const { object } = await createObject(ctx, replicationControllers, 'default', controller);
    assert.deepEqual(object.spec?.selector, { app: 'web' });
    assert.equal(object.spec?.replicas, 1);
  });

  test('are scaled by who sees what is there', async () => {
    const ctx = { ...(await deployed()), fieldManager: 'scaler' };
    const scale = deployments.subresources?.find(({ name }) => name === 'scale')?.as?.computed;
    const read = async () => (await scale?.get?.(ctx, 'default', 'web'))?.object();
    const before = await read();
    assert.deepEqual(before, {
      ...before,
      spec: { replicas: 2 },
      status: { replicas: 0, selector: 'app=web' },
    });
    assert.ok(before);
    const set = (replicas: number, metadata = {}) =>
      scale?.update?.(ctx, 'default', 'web', { metadata, spec: { replicas } } as KubeObject);
    await set(5, before.metadata);
    assert.deepEqual(await read(), { ...(await read()), spec: { replicas: 5 } });
    await assert.rejects(
      async () => set(6, before.metadata),
      (error) => isProblem(error, 'Conflict'),
    );
    await assert.rejects(
      async () => set(-1),
      (error) => {
        assert.deepEqual(causesOf(error), ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']);
        return true;
      },
    );
    await set(0);
    assert.deepEqual(await read(), { ...(await read()), spec: {} });
    await assert.rejects(
      async () => scale?.get?.(ctx, 'default', 'none'),
      (error) => isProblem(error, 'NotFound'),
    );
  });

  test('have a cell for each column', () => {
    const now = new Date('2026-01-01T01:00:00Z');
    const object = { metadata: { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' } };
    for (const resource of clusterResources) {
      if (!resource.kept) continue;
      assert.equal(resource.table.cells(object, now).length, resource.table.columns.length, resource.resource);
    }
    const at = { metadata: { name: 's', creationTimestamp: '2026-01-01T00:00:00Z' } };
    const ports = [{ port: 80 }, { port: 443, nodePort: 30443, protocol: 'TCP' }];
    assert.deepEqual(services.table.cells({ ...at, spec: { type: 'NodePort', ports, selector: { a: 'b' } } }, now), [
      's',
      'NodePort',
      '<none>',
      '<none>',
      '80/TCP,443:30443/TCP',
      '60m',
      'a=b',
    ]);
    const addresses = [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }];
    const subsets = [{ addresses, ports: [{ port: 80 }, { port: 81 }] }];
    assert.equal(endpoints.table.cells({ ...at, subsets }, now)[1], '10.0.0.1:80,10.0.0.1:81,10.0.0.2:80 + 1 more...');
  });
});

suite('leases', () => {
  test('are held for a time, and renewed by who sees what is there', async () => {
    assert.deepEqual(await refusal(leases, { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } }), [
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ]);
    const ctx = await testContext();
    await createObject(ctx, leases, 'default', { metadata: { name: 'l' }, spec: { holderIdentity: 'one' } });
    const blind = updateObject(ctx, leases, 'default', 'l', () => ({ metadata: { name: 'l' }, spec: {} }));
    await assert.rejects(blind, (error) => isProblem(error, 'Invalid'));
  });
});

suite('events', () => {
  test('are where their objects are', async () => {
    assert.deepEqual(await refusal(events, { involvedObject: { namespace: 'other' } }), [
      'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
    ]);
    assert.deepEqual(await refusal(events, { involvedObject: { namespace: 'default' } }), []);
    assert.deepEqual(await refusal(events, { involvedObject: { kind: 'Node' } }), []);
  });

  test('are dropped an hour after they were last seen', async () => {
    const ctx = await testContext();
    const involvedObject = { namespace: 'default' };
    const make = (name: string, more: object) =>
      createObject(ctx, events, 'default', { metadata: { name }, involvedObject, ...more });
    await make('old', { lastTimestamp: '2025-12-31T22:00:00Z' });
    await make('again', {
      lastTimestamp: '2025-12-31T22:00:00Z',
      series: { lastObservedTime: '2025-12-31T23:59:00.000000Z' },
    });
    await make('untold', {});
    await dropOldEvents(ctx);
    const { entries } = await ctx.store.list('/events/');
    assert.deepEqual(
      entries.map(({ key }) => key),
      ['/events/default/again', '/events/default/untold'],
    );
  });
});
