import assert from 'node:assert/strict';
import test from 'node:test';
import { imageTagTable } from './table.imagetag.ts';
import type { NamedTagEventList, TagEvent, TagReference } from './types.ts';

const now = new Date('2026-11-24T12:00:00Z');

function daysAgo(days: number): string {
  return new Date(now.getTime() - days * 86_400_000).toISOString();
}

function event(image: string, generation: number, days?: number, reference = ''): TagEvent {
  return { created: days === undefined ? null : daysAgo(days), dockerImageReference: reference, image, generation };
}

function failure(status: string, reason: string, hours?: number) {
  const lastTransitionTime = hours === undefined ? null : daysAgo(hours / 24);
  return { type: 'ImportSuccess', status, reason, lastTransitionTime, generation: 0 };
}

interface Case {
  readonly says: string;
  readonly spec?: Partial<TagReference>;
  readonly items?: TagEvent[];
  readonly conditions?: NamedTagEventList['conditions'];
  /** Spec, Status, History, Updated. */
  readonly cells: readonly [string, string, number | null, string];
}

const image = { kind: 'ImageStreamImage', name: 'a@sha256:00', namespace: 'a' };

const cases: readonly Case[] = [
  { says: 'neither spec nor status', cells: ['', '', null, ''] },
  { says: 'a tag without source', spec: {}, cells: ['', '', null, ''] },
  { says: 'a source of no kind', spec: { from: {} }, cells: ['Tag', 'InvalidRefKind', null, ''] },
  {
    says: 'a reference to another registry',
    spec: { reference: true, from: { kind: 'DockerImage', name: 'a/b:c' } },
    cells: ['Ref', 'a/b:c', null, ''],
  },
  {
    says: 'a tag of another stream',
    spec: { from: { kind: 'ImageStreamTag', name: 'b:c' } },
    cells: ['Tag', 'istag/b:c', null, ''],
  },
  {
    says: 'an image without stream',
    spec: { from: { kind: 'ImageStreamImage', name: 'sha256:00', namespace: 'a' } },
    cells: ['Tag', 'InvalidRefName', null, ''],
  },
  {
    says: 'a scheduled tag of another namespace',
    spec: { importPolicy: { scheduled: true }, from: { kind: 'ImageStreamTag', name: 'b:c', namespace: 'a' } },
    cells: ['Scheduled', 'istag a/b:c', null, ''],
  },
  { says: 'an image that is not there yet', spec: { from: image }, cells: ['Tag', 'image/sha256:00', null, ''] },
  {
    says: 'a failed import',
    spec: { from: image },
    conditions: [failure('False', 'AbjectFailure', 2)],
    cells: ['Tag', 'ImportFailed (AbjectFailure)', null, '2 hours ago'],
  },
  {
    says: 'a condition that does not say failure',
    spec: { from: image },
    conditions: [failure('', 'WithoutCondition')],
    cells: ['Tag', 'image/sha256:00', null, ''],
  },
  {
    says: 'an event older than the spec',
    spec: { from: image, generation: 2 },
    items: [event('sha256:00', 1)],
    conditions: [failure('', 'AbjectFailure')],
    cells: ['Tag', 'Importing', 1, ''],
  },
  {
    says: 'an event of the spec, with history',
    spec: { from: image, generation: 2 },
    items: [event('sha256:00', 2, 2), event('', 1, 3, 'old/image:nowhere')],
    conditions: [failure('', 'AbjectFailure')],
    cells: ['Tag', 'image/sha256:00', 2, '2 days ago'],
  },
  {
    says: 'a push without spec',
    items: [event('sha256:00', 2, 2)],
    cells: ['Push', 'image/sha256:00', 1, '2 days ago'],
  },
  {
    says: 'a push over the spec',
    spec: { from: { ...image, name: 'a@sha256:01' }, generation: 3 },
    items: [event('sha256:02', 4, 2), event('sha256:01', 3, 3)],
    cells: ['Push', 'image/sha256:02', 2, '2 days ago'],
  },
  {
    says: 'a reference that was pushed',
    items: [event('', 2, 2, 'a/b:c')],
    cells: ['Push', 'a/b:c', 1, '2 days ago'],
  },
  {
    says: 'a tag that tracks another, whose generation is newer',
    spec: { from: { kind: 'ImageStreamTag', name: 'other' }, generation: 1 },
    items: [event('sha256:02', 2, 2)],
    cells: ['Track', 'image/sha256:02', 1, '2 days ago'],
  },
  {
    says: 'a failure later than the newest event',
    spec: { from: { kind: 'DockerImage', name: 'a/b:c' }, generation: 2 },
    items: [event('sha256:02', 1, 2)],
    conditions: [failure('False', 'NotFound', 3)],
    cells: ['Tag', 'ImportFailed (NotFound)', 1, '3 hours ago'],
  },
  {
    says: 'a failure without time and reason',
    spec: { from: { kind: 'DockerImage', name: 'a/b:c' } },
    conditions: [failure('False', '')],
    cells: ['Tag', 'ImportFailed ()', null, ''],
  },
];

for (const { says, spec, items, conditions, cells } of cases) {
  test(says, () => {
    const tag = {
      metadata: { name: 'foo:t', namespace: 'test' },
      spec: spec ? { name: 't', ...spec } : null,
      status: items || conditions ? { tag: 't', items: items ?? null, ...(conditions && { conditions }) } : null,
      image: null,
    };
    assert.deepEqual(imageTagTable.cells(tag, now), ['foo:t', ...cells]);
  });
}
