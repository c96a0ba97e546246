import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import type { LimitRangeItem } from '../objects/restrictions.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { limitRanges } from './limitranges.ts';
import { validateLimits } from './limitranges.validate.ts';

function errorsOf(...limits: LimitRangeItem[]): string[] {
  return validateLimits(limits).map(fieldErrorText);
}

test('containers get a default limit from the maximum, a default request from that or the minimum', async () => {
  const ctx = await testContext();
  const limits = [
    {
      type: 'Container',
      max: { cpu: '2', memory: '1024Mi' },
      min: { cpu: '0.1', 'ephemeral-storage': '1Gi' },
      default: { cpu: '1' },
    },
    { type: 'openshift.io/Image', max: { storage: '1024Mi' } },
  ];
  const { object } = await createObject(ctx, limitRanges, 'default', { metadata: { name: 'l' }, spec: { limits } });
  assert.deepEqual(object.spec?.limits, [
    {
      type: 'Container',
      max: { cpu: '2', memory: '1Gi' },
      min: { cpu: '100m', 'ephemeral-storage': '1Gi' },
      default: { cpu: '1', memory: '1Gi' },
      defaultRequest: { cpu: '1', 'ephemeral-storage': '1Gi', memory: '1Gi' },
    },
    { type: 'openshift.io/Image', max: { storage: '1Gi' } },
  ]);
});

test('a LimitRange without limits is fine, and is shown when it was made', async () => {
  const ctx = await testContext();
  const { object, served } = await createObject(ctx, limitRanges, 'default', { metadata: { name: 'l' } });
  assert.match(served.toString(), /"spec":\{"limits":null\}\}$/);
  assert.deepEqual(limitRanges.table.cells(object, ctx.now()), ['l', object.metadata.creationTimestamp]);
});

test('only a change of what it says makes writes look again', async () => {
  const ctx = await testContext();
  const mark = async () => (await ctx.store.get('/restrictions/default'))?.revision ?? 0;
  await createObject(ctx, limitRanges, 'default', { metadata: { name: 'l' } });
  const first = await mark();
  const change = (more: object) =>
    updateObject(ctx, limitRanges, 'default', 'l', (old) => ({ ...old, ...more }), { retry: true });
  await change({ metadata: { name: 'l', labels: { a: 'b' } } });
  assert.equal(await mark(), first);
  await change({ spec: { limits: [{ type: 'openshift.io/Image' }] } });
  assert.ok((await mark()) > first);
});

test('names are those of Kubernetes or qualified', () => {
  assert.deepEqual(errorsOf({ type: 'openshift.io/ImageStream', max: { 'openshift.io/images': '3' } }), []);
  assert.deepEqual(errorsOf({ type: 'PersistentVolumeClaim', max: { storage: '3' } }), []);
  const [type] = errorsOf({ type: 'not a type' });
  assert.match(type ?? '', /^spec\.limits\[0\]\.type: Invalid value: "not a type": name part must consist of/);
  assert.deepEqual(errorsOf({ type: 'Image' }), [
    'spec.limits[0].type: Invalid value: "Image": must be a standard limit type or fully qualified',
  ]);
  assert.deepEqual(errorsOf({ type: 'x/Image' }, { type: 'x/Image' }), [
    'spec.limits[1].type: Duplicate value: "x/Image"',
  ]);
  assert.deepEqual(errorsOf({ type: 'x/Image', max: { size: '1' } }), [
    'spec.limits[0].max[size]: Invalid value: "size": must be a standard resource type or fully qualified',
  ]);
  assert.deepEqual(errorsOf({ type: 'Container', max: { pods: '1' }, min: { 'requests.x/y': '1' } }), [
    'spec.limits[0].max[pods]: Invalid value: "pods": must be a standard resource for containers',
    'spec.limits[0].min[requests.x/y]: Invalid value: "requests.x/y": doesn\'t follow extended resource name standard',
  ]);
});

test('defaults are not for pods, claims need a bound', () => {
  assert.deepEqual(errorsOf({ type: 'Pod', default: { cpu: '1' }, defaultRequest: { cpu: '1' } }), [
    "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
    "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
  ]);
  assert.deepEqual(errorsOf({ type: 'PersistentVolumeClaim' }), [
    'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
  ]);
});

test('amounts are in order', () => {
  const item = (amounts: Omit<LimitRangeItem, 'type'>): string[] =>
    errorsOf({ type: 'Container', ...amounts }).map((text) => text.replace('spec.limits[0].', ''));
  const cpu = (amount: string) => ({ cpu: amount });
  assert.deepEqual(item({ min: cpu('2'), max: cpu('1') }), [
    'min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
  ]);
  assert.deepEqual(item({ min: cpu('2'), defaultRequest: cpu('1') }), [
    'defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
  ]);
  assert.deepEqual(item({ defaultRequest: cpu('2'), max: cpu('1') }), [
    'defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than max value 1',
  ]);
  assert.deepEqual(item({ defaultRequest: cpu('2'), default: cpu('1') }), [
    'defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
  ]);
  assert.deepEqual(item({ min: cpu('2'), default: cpu('1') }), [
    'default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
  ]);
  assert.deepEqual(item({ default: cpu('2'), max: cpu('1') }), [
    'default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
  ]);
  assert.deepEqual(item({ maxLimitRequestRatio: cpu('500m') }), [
    'maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
  ]);
  assert.deepEqual(item({ maxLimitRequestRatio: cpu('3'), min: cpu('1'), max: cpu('2') }), [
    'maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000',
  ]);
  assert.deepEqual(item({ default: { 'x/gpu': '2' }, defaultRequest: { 'x/gpu': '1' } }), [
    'defaultRequest[x/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in x/gpu',
  ]);
  assert.deepEqual(item({ min: cpu('1'), max: cpu('2'), default: cpu('2'), defaultRequest: cpu('1') }), []);
});

test('what is wrong is not stored', async () => {
  const ctx = await testContext();
  const bad = { metadata: { name: 'l' }, spec: { limits: [{ type: 'Image' }] } };
  await assert.rejects(createObject(ctx, limitRanges, 'default', bad), (error) => isProblem(error, 'Invalid'));
  assert.equal(await ctx.store.get('/limitranges/default/l'), undefined);
});
