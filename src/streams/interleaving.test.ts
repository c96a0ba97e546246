/** Any interleaving of writers on one stream: nothing that was acknowledged is lost, and the record tells it all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contextHere, image, post } from '../../test/importing.ts';
import { startUpstream } from '../../test/upstream.ts';
import { digestOf } from '../image/digest.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { DomainError } from '../objects/errors.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { append, newest } from './history.ts';
import { findStream, imageStreams } from './imagestream.ts';
import { imageStreamMappings } from './imagestreammapping.ts';
import { imageStreamTags } from './imagestreamtag.ts';
import { imageTags } from './imagetag.ts';
import { findImage } from './layers.ts';
import { listMoves, type TagMove } from './tagmove.ts';
import type { ImageStream, NamedTagEventList, ObjectReference, TagReference } from './types.ts';

const NAMESPACE = 'default';
const STREAM = 'app';
const TAGS = ['a', 'b', 'c', 'd'];
const IMAGES = ['one', 'two', 'three'].map((seed) => digestOf(Buffer.from(seed)));

/** One thing that a client asks for. */
type Act =
  | { readonly kind: 'push'; readonly tag: string; readonly image: string; readonly repository: string }
  | { readonly kind: 'tag'; readonly tag: string; readonly from: ObjectReference; readonly reference: boolean }
  | { readonly kind: 'itag'; readonly tag: string; readonly from: ObjectReference | null }
  | { readonly kind: 'import'; readonly tag: string; readonly upstream: string }
  | { readonly kind: 'untag'; readonly tag: string }
  | { readonly kind: 'put'; readonly tags: readonly TagReference[] }
  | { readonly kind: 'label'; readonly value: string }
  | { readonly kind: 'delete' };

const tagName = fc.constantFrom(...TAGS);
const source = fc.oneof(
  tagName.map((name): ObjectReference => ({ kind: 'ImageStreamTag', name })),
  tagName.map((name): ObjectReference => ({ kind: 'ImageStreamTag', name: `${STREAM}:${name}` })),
  fc
    .constantFrom(...IMAGES)
    .map((digest): ObjectReference => ({ kind: 'ImageStreamImage', name: `${STREAM}@${digest}` })),
  fc.constantFrom('q.test/x/y:1', 'q.test/x/y:2').map((name): ObjectReference => ({ kind: 'DockerImage', name })),
);

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      tag: tagName,
      image: fc.constantFrom(...IMAGES),
      repository: fc.constantFrom('q.test/x/app', 'q.test/y/app'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('tag' as const), tag: tagName, from: source, reference: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('itag' as const), tag: tagName, from: fc.option(source) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('import' as const),
      tag: tagName,
      upstream: fc.constantFrom('1', '2', 'absent'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('untag' as const), tag: tagName }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      tags: fc.array(fc.record({ name: tagName, from: source }), { maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('label' as const), value: fc.constantFrom('x', 'y') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
);

/** Does an act; false if it was refused, which leaves no trace. */
async function done(ctx: Context, host: string, each: Act): Promise<boolean> {
  try {
    await perform(ctx, host, each);
    return true;
  } catch (error) {
    if (error instanceof DomainError) return false;
    throw error;
  }
}

async function perform(ctx: Context, host: string, each: Act): Promise<unknown> {
  switch (each.kind) {
    case 'push':
      return imageStreamMappings.computed?.create?.(ctx, NAMESPACE, {
        metadata: { name: STREAM },
        tag: each.tag,
        image: { metadata: { name: each.image }, dockerImageReference: `${each.repository}@${each.image}` },
      });
    case 'tag':
      return imageStreamTags.computed?.update?.(ctx, NAMESPACE, `${STREAM}:${each.tag}`, {
        metadata: { name: `${STREAM}:${each.tag}` },
        tag: { name: each.tag, from: each.from, reference: each.reference },
        generation: 0,
        lookupPolicy: { local: false },
        image: { metadata: {} },
      });
    case 'itag':
      return retagged(ctx, each.tag, each.from);
    case 'import':
      return post(ctx, STREAM, { images: [image(`${host}/team/app:${each.upstream}`, each.tag)] });
    case 'untag':
      return imageStreamTags.computed?.delete?.(ctx, NAMESPACE, `${STREAM}:${each.tag}`, {});
    case 'put':
      return putTags(ctx, each.tags);
    case 'label':
      return changed(ctx, (old) => ({ ...old, metadata: { ...old.metadata, labels: { value: each.value } } }));
    case 'delete':
      return deleteObject(ctx, imageStreams, NAMESPACE, STREAM, {});
  }
}

/** Reads an ImageTag and puts it back with another source. */
async function retagged(ctx: Context, tag: string, from: ObjectReference | null): Promise<unknown> {
  const name = `${STREAM}:${tag}`;
  const found = await imageTags.computed?.get?.(ctx, NAMESPACE, name);
  const object = found?.object();
  if (!object) return undefined;
  const spec = from ? { name: tag, from } : null;
  return imageTags.computed?.update?.(ctx, NAMESPACE, name, { ...structuredClone(object), spec });
}

/** Sets all tags of the stream, which is made if it is not there. */
async function putTags(ctx: Context, tags: readonly TagReference[]): Promise<unknown> {
  const wanted = tags.map((tag) => structuredClone(tag));
  if (await findStream(ctx, NAMESPACE, STREAM)) {
    return changed(ctx, (old) => ({ ...old, spec: { ...old.spec, tags: wanted } }));
  }
  return createObject(ctx, imageStreams, NAMESPACE, { metadata: { name: STREAM }, spec: { tags: wanted } });
}

function changed(ctx: Context, change: (old: ImageStream) => ImageStream): Promise<unknown> {
  return updateObject(ctx, imageStreams, NAMESPACE, STREAM, change);
}

/** What the record says the histories are. */
function replayed(moves: readonly TagMove[]): Map<string, NamedTagEventList> {
  const histories = new Map<string, NamedTagEventList>();
  for (const { tag, from, to } of moves) {
    if (tag === null) histories.clear();
    else {
      const history = histories.get(tag);
      assert.deepEqual(newest(history), from, `a move of ${tag} must start where the one before ended`);
      const next = to && append(history, tag, to);
      if (next) histories.set(tag, next);
      else if (to === null) histories.delete(tag);
    }
  }
  return histories;
}

/** All that must be true at any time; `pushed` holds what was acknowledged. */
async function check(ctx: Context, pushed: readonly { readonly tag: string; readonly image: string }[]): Promise<void> {
  const moves = await listMoves(ctx.store, NAMESPACE, STREAM);
  assert.deepEqual(
    moves.map(({ sequence }) => sequence),
    moves.map((_, index) => index + 1),
  );
  const stream = await findStream(ctx, NAMESPACE, STREAM);
  const histories = new Map<string, NamedTagEventList>();
  for (const history of stream?.status?.tags ?? []) {
    if (history.items?.length) histories.set(history.tag, { tag: history.tag, items: history.items });
  }
  const told = new Map([...replayed(moves)].map(([tag, { items }]) => [tag, { tag, items }]));
  const inOrder = (map: ReadonlyMap<string, NamedTagEventList>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(inOrder(told), inOrder(histories));
  for (const { tag, image: digest } of pushed) {
    assert.ok(
      moves.some((move) => move.tag === tag && move.to?.image === digest),
      `the record does not know that ${tag} was ${digest}`,
    );
    assert.ok(await findImage(ctx, digest), `the Image ${digest} that was pushed is gone`);
  }
}

/** One write that makes a tag take another's image, and moves that other: the record once knew of the second only. */
const TAKEN_AND_MOVED: Act[][] = [
  [{ kind: 'push', tag: 'd', image: IMAGES[0] ?? '', repository: 'q.test/x/app' }],
  [{ kind: 'push', tag: 'b', image: IMAGES[1] ?? '', repository: 'q.test/x/app' }],
  [
    {
      kind: 'put',
      tags: [
        { name: 'a', from: { kind: 'ImageStreamTag', name: 'd' } },
        { name: 'd', from: { kind: 'ImageStreamTag', name: 'b' } },
      ],
    },
  ],
];

test('writers at the same time lose no push, and the record of moves replays to the same status', async () => {
  await using upstream = await startUpstream();
  for (const tag of ['1', '2']) upstream.addImage('team/app', tag, tag);
  const together = fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(together, async (rounds) => {
      const ctx = await contextHere();
      await createObject(ctx, imageStreams, NAMESPACE, { metadata: { name: STREAM } });
      const pushed: { tag: string; image: string }[] = [];
      for (const round of rounds) {
        const outcomes = await Promise.all(round.map((each) => done(ctx, upstream.host, each)));
        for (const [index, each] of round.entries()) {
          if (each.kind === 'push' && outcomes[index]) pushed.push({ tag: each.tag, image: each.image });
        }
        await check(ctx, pushed);
      }
    }),
    { numRuns: 100, examples: [[TAKEN_AND_MOVED]] },
  );
});
