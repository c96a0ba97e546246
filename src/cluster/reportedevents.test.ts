import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { isProblem } from '../objects/errors.ts';
import { fieldErrorText } from '../objects/fielderrors.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { events } from './events.ts';
import { type ReportedEvent, reportedEvents } from './reportedevents.ts';

const reported: ReportedEvent = {
  metadata: { name: 'e' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  reportingController: 'bars.test/c',
  reportingInstance: 'c-1',
  action: 'Pull',
  reason: 'Pulled',
  regarding: { kind: 'Pod', namespace: 'default', name: 'web' },
  note: 'it was pulled',
  type: 'Normal',
};

test('an event of either group is one of the other', async () => {
  const ctx = await testContext();
  const { object } = await createObject(ctx, reportedEvents, 'default', structuredClone(reported));
  assert.deepEqual(object, { ...object, ...reported, metadata: object.metadata });
  const kept = await readKept(ctx.store, events, 'default', 'e');
  assert.ok(kept);
  const event = parsed(events, ctx.settings, kept);
  const { message, involvedObject, reportingComponent } = event;
  assert.deepEqual([message, involvedObject, reportingComponent], ['it was pulled', reported.regarding, 'bars.test/c']);
  assert.equal(event.apiVersion, 'v1');
  await updateObject(ctx, events, 'default', 'e', (old) => ({ ...old, message: 'again', count: 2 }));
  const changed = await readKept(ctx.store, reportedEvents, 'default', 'e');
  assert.ok(changed);
  const seen = parsed(reportedEvents, ctx.settings, changed);
  assert.deepEqual([seen.note, seen.apiVersion, seen.regarding?.name], ['again', 'events.k8s.io/v1', 'web']);
  assert.equal(reportedEvents.table.cells(seen, new Date('2026-01-01T00:01:00Z'))[3], 'pod/web');
  const same = await updateObject(ctx, reportedEvents, 'default', 'e', (old) => old);
  assert.equal(same.object.metadata.resourceVersion, seen.metadata.resourceVersion);
});

test('who reports an event says what it is about', async () => {
  const ctx = await testContext();
  const made = createObject(ctx, reportedEvents, 'default', { metadata: { name: 'e' }, regarding: { namespace: 'x' } });
  await assert.rejects(made, (error) => {
    assert.ok(isProblem(error, 'Invalid') && error.problem.reason === 'Invalid');
    assert.deepEqual(error.problem.causes.map(fieldErrorText), [
      'eventTime: Required value',
      'reportingController: Required value',
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
      'regarding.namespace: Invalid value: "x": does not match event.namespace',
    ]);
    return true;
  });
});
