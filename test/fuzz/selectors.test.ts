/** Selectors: those that can be read select what a plain reading of them selects; the others are refused. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { startImageApi } from '../imageapi.ts';
import { fuzz } from './fuzz.ts';

type Labels = Readonly<Record<string, string>>;

/** A requirement as text and as a plain function. */
interface Requirement {
  readonly text: string;
  matches(labels: Labels): boolean;
}

const key = fc.constantFrom('a', 'b', 'x.test/c');
const value = fc.constantFrom<string>('1', '2', '30', '');
const blank = fc.constantFrom('', ' ');

const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.tuple(key, fc.constantFrom('=', '=='), value, blank).map(([k, sign, v, s]) => ({
    text: `${s}${k}${s}${sign}${s}${v}`,
    matches: (labels: Labels) => labels[k] === v,
  })),
  fc.tuple(key, value).map(([k, v]) => ({
    text: `${k}!=${v}`,
    matches: (labels: Labels) => labels[k] !== v,
  })),
  fc.tuple(key, fc.array(value, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([k, values, not]) => ({
    text: `${k} ${not ? 'notin' : 'in'} (${values.join(', ')})`,
    matches: (labels: Labels) => values.includes(labels[k] ?? '\u0000') !== not,
  })),
  fc.tuple(key, fc.boolean()).map(([k, not]) => ({
    text: `${not ? '!' : ''}${k}`,
    matches: (labels: Labels) => (labels[k] === undefined) === not,
  })),
  fc.tuple(key, fc.constantFrom('>', '<'), fc.integer({ min: 0, max: 40 })).map(([k, sign, n]) => ({
    text: `${k}${sign}${n}`,
    matches: (labels: Labels) => {
      const found = labels[k];
      if (found === undefined || found === '') return false;
      return sign === '>' ? Number(found) > n : Number(found) < n;
    },
  })),
);

const labelled = fc.dictionary(key, value, { maxKeys: 3 });

fuzz(
  'a label selector finds the streams, and their tags, that a plain reading of it finds',
  fc.record({
    all: fc.array(labelled, { minLength: 1, maxLength: 5 }),
    asked: fc.array(requirement, { minLength: 1, maxLength: 3 }),
  }),
  120,
  async ({ all, asked }) => {
    await using api = await startImageApi();
    for (const [index, labels] of all.entries()) {
      const spec = { tags: [{ name: 't', from: { kind: 'DockerImage', name: 'quay.test/x/y' } }] };
      const made = await api.ask('POST', 'imagestreams', { metadata: { name: `s${index}`, labels }, spec });
      assert.equal(made.status, 201, made.text);
    }
    const wanted = all.flatMap((labels, index) => (asked.every((each) => each.matches(labels)) ? [`s${index}`] : []));
    const text = encodeURIComponent(asked.map((each) => each.text).join(','));
    const names = async (resource: string): Promise<string[]> => {
      const { body } = await api.ask('GET', `${resource}?labelSelector=${text}`);
      return body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
    };
    assert.deepEqual(await names('imagestreams'), wanted);
    assert.deepEqual(
      await names('imagetags'),
      wanted.map((stream) => `${stream}:t`),
    );
  },
);

const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(fc.constantFrom('a', '=', '!', '(', ')', ',', ' in ', ' notin ', '>', '<', '1', '\\', '.', '/', ' '), {
      maxLength: 12,
    })
    .map((parts) => parts.join('')),
);

fuzz(
  'any selector is understood or refused with 400, in lists, watches and deletions alike',
  fc.record({
    text: junk,
    kind: fc.constantFrom('labelSelector', 'fieldSelector'),
    resource: fc.constantFrom('imagestreams', 'imagetags', 'images'),
  }),
  300,
  async ({ text, kind, resource }) => {
    await using api = await startImageApi();
    const query = `${kind}=${encodeURIComponent(text.toWellFormed())}`;
    const list = await api.ask('GET', `${resource}?${query}`);
    assert.ok(list.status === 200 || list.status === 400, list.text);
    if (resource !== 'imagetags') {
      const gone = await api.ask('DELETE', `${resource}?${query}`);
      assert.equal(gone.status, list.status, gone.text);
    }
    assert.deepEqual(api.reported, []);
  },
);
