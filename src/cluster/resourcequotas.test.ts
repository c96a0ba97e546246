import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import type { ResourceQuota } from '../objects/charges.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { resourceQuotas } from './resourcequotas.ts';
import { validateAmounts, validateQuota } from './resourcequotas.validate.ts';

type Spec = NonNullable<ResourceQuota['spec']>;

function errorsOf(spec: Spec, old?: Spec): string[] {
  const quota = (value: Spec): ResourceQuota => ({ metadata: { name: 'q' }, spec: value });
  return validateQuota(quota(spec), old && quota(old)).map(fieldErrorText);
}

test('what may be limited is standard or qualified; amounts are not negative, counts are whole', () => {
  assert.deepEqual(
    errorsOf({
      hard: { pods: '3', 'requests.cpu': '500m', 'openshift.io/imagestreams': '10', 'count/configmaps': '2' },
    }),
    [],
  );
  assert.deepEqual(errorsOf({ hard: { imagestreams: '1' } }), [
    'spec.hard[imagestreams]: Invalid value: "imagestreams": must be a standard resource type or fully qualified',
    'spec.hard[imagestreams]: Invalid value: "imagestreams": must be a standard resource for quota',
  ]);
  assert.deepEqual(errorsOf({ hard: { storage: '1' } }), [
    'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota',
  ]);
  assert.deepEqual(errorsOf({ hard: { pods: '-1', 'count/configmaps': '1500m', cpu: '1500m' } }), [
    'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
    'spec.hard[count/configmaps]: Invalid value: "1500m": must be an integer',
  ]);
  assert.deepEqual(validateAmounts({ pods: '1m' }, 'status.used').map(fieldErrorText), [
    'status.used[pods]: Invalid value: "1m": must be an integer',
  ]);
});

test('scopes are known, fit what is limited, agree with each other and stay', () => {
  assert.deepEqual(errorsOf({ hard: { pods: '1' }, scopes: ['BestEffort'] }), []);
  assert.deepEqual(errorsOf({ hard: { cpu: '1' }, scopes: ['BestEffort', 'Odd'] }), [
    'spec.scopes: Invalid value: ["BestEffort","Odd"]: unsupported scope applied to resource',
    'spec.scopes: Invalid value: ["BestEffort","Odd"]: unsupported scope',
  ]);
  assert.deepEqual(errorsOf({ scopes: ['Terminating', 'NotTerminating'] }), [
    'spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes',
  ]);
  assert.deepEqual(errorsOf({}, { scopes: ['Terminating'] }), ['spec.scopes: Invalid value: null: field is immutable']);
});

test('selectors of scopes have an operator that fits, with values where it wants them', () => {
  const path = 'spec.scopeSelector.matchExpressions';
  const errors = (scopeName: string, operator: string, values?: string[]): string[] =>
    errorsOf({ scopeSelector: { matchExpressions: [{ scopeName, operator, ...(values && { values }) }] } });
  assert.deepEqual(errors('PriorityClass', 'In', ['high']), []);
  assert.deepEqual(errors('PriorityClass', 'In'), [
    `${path}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
  ]);
  assert.deepEqual(errors('PriorityClass', 'Exists', ['high']), [
    `${path}.values: Invalid value: ["high"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
  ]);
  assert.deepEqual(errors('PriorityClass', 'Like'), [
    `${path}.operator: Invalid value: "Like": not a valid selector operator`,
  ]);
  assert.equal(errors('BestEffort', 'In', ['x']).length, 1);
  assert.deepEqual(errors('Odd', 'Exists'), [`${path}.scopeName: Invalid value: "Odd": unsupported scope`]);
});

test('a table shows what is used of what; object counts in the status are the server’s', async () => {
  const ctx = await testContext();
  const spec = { hard: { 'limits.cpu': '4', secrets: '3', 'requests.cpu': '2' } };
  await createObject(ctx, resourceQuotas, 'default', { metadata: { name: 'q' }, spec });
  const [status] = resourceQuotas.subresources ?? [];
  assert.ok(status?.status);
  const sent = { hard: { 'limits.cpu': '4', secrets: '100' }, used: { 'limits.cpu': '500m', secrets: '99' } };
  const { object } = await updateObject(ctx, resourceQuotas, 'default', 'q', (old) => ({ ...old, status: sent }), {
    retry: true,
    rules: status.status,
  });
  assert.deepEqual(object.status, { hard: { 'limits.cpu': '4' }, used: { 'limits.cpu': '500m' } });
  const shown: ResourceQuota = {
    ...object,
    status: { hard: { ...spec.hard }, used: { secrets: '1', 'limits.cpu': '500m' } },
  };
  const now = new Date(Date.parse(object.metadata.creationTimestamp ?? '') + 60_000);
  assert.deepEqual(resourceQuotas.table.cells(shown, now), [
    'q',
    'requests.cpu: 0/2, secrets: 1/3',
    'limits.cpu: 500m/4',
    '60s',
  ]);
});
