import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { append, type Histories, moveTag } from './history.ts';
import type { NamedTagEventList, TagEvent, TagReference } from './types.ts';

const event = (
  image: string,
  reference = `r/${image}`,
  generation = 1,
  created = '2026-01-01T00:00:00Z',
): TagEvent => ({
  created,
  dockerImageReference: reference,
  image,
  generation,
});

const list = (...items: TagEvent[]): NamedTagEventList => ({ tag: 't', items });

test('append begins a history', () => {
  assert.deepEqual(append(undefined, 't', event('a')), list(event('a')));
});

test('append of the same image, reference and generation changes nothing', () => {
  assert.equal(append(list(event('a')), 't', event('a', 'r/a', 1, '2026-02-02T00:00:00Z')), undefined);
});

test('append of another generation only raises the generation and keeps the time', () => {
  const later = event('a', 'r/a', 2, '2026-02-02T00:00:00Z');
  assert.deepEqual(append(list(event('a')), 't', later), list(event('a', 'r/a', 2)));
});

test('append of another image under the same reference overwrites the image in place', () => {
  const later = event('b', 'r/a', 1, '2026-02-02T00:00:00Z');
  assert.deepEqual(append(list(event('a'), event('z')), 't', later), list(event('b', 'r/a'), event('z')));
});

test('append of the same image under another reference overwrites the reference in place', () => {
  const later = event('a', 'other', 1, '2026-02-02T00:00:00Z');
  assert.deepEqual(append(list(event('a'), event('z')), 't', later), list(event('a', 'other'), event('z')));
});

test('append of another image under another reference is put first', () => {
  assert.deepEqual(append(list(event('a')), 't', event('b')), list(event('b'), event('a')));
});

test('append clears the conditions', () => {
  const failed = { ...list(event('a')), conditions: [{ type: 'ImportSuccess', status: 'False', generation: 1 }] };
  assert.deepEqual(append(failed, 't', event('b')), list(event('b'), event('a')));
});

const tracking = (name: string, from: string, namespace?: string): TagReference => ({
  name,
  from: { kind: 'ImageStreamTag', name: from, ...(namespace && { namespace }) },
});

test('moveTag moves the tags of the stream that track it, one level', () => {
  const stream = {
    namespace: 'ns',
    name: 'app',
    tags: [
      tracking('a', 'v'),
      tracking('b', 'app:v'),
      tracking('c', 'other:v'),
      tracking('d', 'v', 'elsewhere'),
      tracking('e', 'a'),
      tracking('f', 'v', 'ns'),
      { name: 'g', from: { kind: 'DockerImage', name: 'v' } },
    ],
  };
  const moved = moveTag(stream, new Map(), { tag: 'v', event: event('x'), cause: 'push' });
  assert.deepEqual([...moved.changed.keys()], ['v', 'a', 'b', 'f']);
  assert.deepEqual(
    moved.drafts.map(({ tag, cause }) => [tag, cause]),
    [
      ['v', 'push'],
      ['a', 'track'],
      ['b', 'track'],
      ['f', 'track'],
    ],
  );
});

test('moveTag to nowhere removes the history and says from where', () => {
  const moved = moveTag({ namespace: 'ns', name: 'app', tags: [] }, new Map([['v', list(event('x'))]]), {
    tag: 'v',
    event: null,
    cause: 'delete',
  });
  assert.deepEqual([...moved.changed], [['v', null]]);
  assert.deepEqual(moved.drafts, [{ tag: 'v', from: event('x'), to: null, cause: 'delete' }]);
});

test('any sequence of moves: each draft starts where the one before ended, and replaying the drafts gives the newest entries', () => {
  const names = ['a', 'b', 'c'];
  const moves = fc.array(
    fc.record({
      tag: fc.constantFrom(...names),
      image: fc.constantFrom('x', 'y', 'z'),
      reference: fc.constantFrom('p', 'q'),
      generation: fc.integer({ min: 1, max: 3 }),
      deleted: fc.boolean(),
    }),
    { maxLength: 40 },
  );
  const stream = { namespace: 'ns', name: 'app', tags: [tracking('c', 'a')] };
  fc.assert(
    fc.property(moves, (sequence) => {
      const histories = new Map<string, NamedTagEventList>();
      const replayed = new Map<string, TagEvent | null>();
      const everSeen = new Map<string, Set<string>>();
      for (const { tag, image, reference, generation, deleted } of sequence) {
        const next = deleted ? null : event(image, reference, generation);
        const moved = moveTag(stream, histories as Histories, { tag, event: next, cause: deleted ? 'delete' : 'tag' });
        for (const draft of moved.drafts) {
          assert.deepEqual(draft.from, replayed.get(draft.tag ?? '') ?? null);
          replayed.set(draft.tag ?? '', draft.to);
        }
        for (const [name, history] of moved.changed) {
          if (history) histories.set(name, history);
          else histories.delete(name);
          if (history) everSeen.set(name, (everSeen.get(name) ?? new Set()).add(history.items?.[0]?.image ?? ''));
        }
      }
      for (const name of names) {
        assert.deepEqual(histories.get(name)?.items?.[0] ?? null, replayed.get(name) ?? null);
      }
    }),
  );
});
