/** Patches of every kind: what is answered is what is stored, what is refused changes nothing, and none is too much. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { APPLY, type ImageApi, JSON_PATCH, MERGE, STRATEGIC, startImageApi } from '../imageapi.ts';
import { fuzz } from './fuzz.ts';

const text = fc.constantFrom('a', 'b', 'c', 'quay.test/x/y', 'DockerImage', 'ImageStreamTag', '', 'x'.repeat(300));
const member = fc.constantFrom(
  'metadata',
  'spec',
  'status',
  'tags',
  'labels',
  'annotations',
  'name',
  'from',
  'kind',
  'generation',
  'items',
  'dockerImageRepository',
  'lookupPolicy',
  'local',
  'finalizers',
  '$patch',
  '$setElementOrder/tags',
  '__proto__',
  'odd',
);
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    text,
    fc.constantFrom<unknown>(null, true, 0, 7, -1, 1.5, 'delete', 'replace', 'merge'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(member, tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** Something that could be meant: a few members that the schema knows, with values that may not fit. */
const likely = fc.record(
  {
    metadata: fc.oneof(
      fc.record({ labels: fc.dictionary(text, fc.oneof(text, fc.constant(null)), { maxKeys: 2 }) }),
      json,
    ),
    spec: fc.oneof(
      fc.record({
        tags: fc.array(
          fc.record(
            {
              name: fc.constantFrom('a', 'b', 'c'),
              $patch: fc.constantFrom('delete', 'replace', 'merge', 'odd'),
              from: fc.record({ kind: text, name: text }, { requiredKeys: [] }),
              annotations: fc.dictionary(text, text, { maxKeys: 2 }),
            },
            { requiredKeys: ['name'] },
          ),
          { maxLength: 3 },
        ),
      }),
      json,
    ),
    status: json,
  },
  { requiredKeys: [] },
);

const pointer = fc
  .array(
    fc.constantFrom(
      'metadata',
      'labels',
      'spec',
      'tags',
      '0',
      '1',
      '-',
      'name',
      'from',
      'a~1b',
      'a~0b',
      '',
      '00',
      '99',
      '__proto__',
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.map((part) => `/${part}`).join(''));
const operation = fc.record(
  {
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'odd'),
    path: pointer,
    from: pointer,
    value: json,
  },
  { requiredKeys: ['op', 'path'] },
);

const patch = fc.oneof(
  fc.tuple(fc.constant(MERGE), fc.oneof(likely, json)),
  fc.tuple(fc.constant(STRATEGIC), fc.oneof(likely, json)),
  fc.tuple(fc.constant(JSON_PATCH), fc.oneof(fc.array(operation, { maxLength: 4 }), json)),
  fc.tuple(
    fc.constant(APPLY),
    likely.map((body) => ({ kind: 'ImageStream', apiVersion: 'image.openshift.io/v1', ...body })),
  ),
);

const STREAM = {
  metadata: { name: 'app', labels: { a: '1' } },
  spec: {
    tags: [
      { name: 'a', from: { kind: 'DockerImage', name: 'quay.test/x/y' } },
      { name: 'b', from: { kind: 'ImageStreamTag', name: 'a' } },
    ],
  },
};

async function read(api: ImageApi): Promise<string> {
  return (await api.ask('GET', 'imagestreams/app')).text;
}

fuzz(
  'any patch of a stream is stored as answered, or refused and changes nothing',
  fc.record({
    patches: fc.array(patch, { minLength: 1, maxLength: 3 }),
    sub: fc.constantFrom('', '/status'),
    dry: fc.boolean(),
  }),
  300,
  async ({ patches, sub, dry }) => {
    await using api = await startImageApi();
    assert.equal((await api.ask('POST', 'imagestreams', STREAM)).status, 201);
    for (const [type, body] of patches) {
      const before = await read(api);
      const query = `?fieldManager=fuzz&force=${type === APPLY}${dry ? '&dryRun=All' : ''}`.replace('&force=false', '');
      const answer = await api.ask('PATCH', `imagestreams/app${sub}${query}`, JSON.stringify(body) ?? 'null', { type });
      assert.deepEqual(api.reported, [], `${type} ${JSON.stringify(body)}`);
      assert.ok(answer.status < 500, `${type} ${JSON.stringify(body)}: ${answer.text}`);
      const after = await read(api);
      if (answer.status !== 200 || dry) assert.equal(after, before);
      else assert.equal(after, answer.text);
    }
  },
);
