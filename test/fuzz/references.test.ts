/** References that users type: read as they are printed, refused without harm. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type DockerImageReference,
  formatReference,
  parseReference,
  ReferenceInvalid,
} from '../../src/image/reference.ts';
import { startImageApi } from '../imageapi.ts';
import { fuzz } from './fuzz.ts';

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const component = fc.oneof(
  word,
  fc.tuple(word, fc.constantFrom('.', '_', '__', '-', '---'), word).map((of) => of.join('')),
);
const host = fc.oneof(
  fc.constantFrom('localhost', 'localhost:5000', 'docker.io', 'index.docker.io', 'quay.io', '10.0.0.1:5000'),
  fc.tuple(word, fc.integer({ min: 1, max: 65535 })).map(([name, port]) => `${name}.example:${port}`),
);
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`);

/** References as they should be. */
const reference = fc
  .tuple(fc.option(host), fc.array(component, { minLength: 1, maxLength: 4 }), fc.option(tag), fc.option(digest))
  // One part with a dot in it would be a host and no name.
  .filter(([registry, path]) => Boolean(registry) || path.length > 1 || !path[0]?.includes('.'))
  .map(([registry, path, label, id]) => {
    const name = [...(registry ? [registry] : []), ...path].join('/');
    return `${name}${label ? `:${label}` : ''}${id ? `@${id}` : ''}`;
  });

/** And as they should not: something put into one of them, or anything at all. */
const broken = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc
    .tuple(reference, fc.nat(60), fc.constantFrom('/', ':', '@', '..', '__', '-', ' ', 'A', '\u0000', 'ä', '%2f'))
    .map(([text, at, what]) => text.slice(0, at) + what + text.slice(at)),
  fc
    .tuple(fc.constantFrom('a', 'a-', 'a_', 'a.', '/', ':'), fc.integer({ min: 1, max: 600 }))
    .map(([part, times]) => part.repeat(times)),
);

/** With a digest, the tag is no part of what is meant. */
function exactly(parts: DockerImageReference): DockerImageReference {
  return parts.id ? { ...parts, tag: '' } : parts;
}

fuzz('a reference is printed as it was written, and read again to the same parts', reference, 500, (text) => {
  const parts = parseReference(text);
  const printed = formatReference(parts);
  assert.deepEqual(parseReference(printed), exactly(parts));
  if (!parts.id) assert.equal(printed, text);
});

fuzz('whatever is no reference is refused in words, and never slowly', broken, 500, (text) => {
  try {
    const parts = parseReference(text);
    if (parts.name) assert.deepEqual(parseReference(formatReference(parts)), exactly(parts));
  } catch (error) {
    assert.ok(error instanceof ReferenceInvalid, String(error));
  }
});

fuzz(
  'a tag from any text is stored as it stands, or refused as an invalid from.name',
  fc.oneof(reference, broken),
  150,
  async (text) => {
    await using api = await startImageApi();
    const tags = [{ name: 't', from: { kind: 'DockerImage', name: text } }];
    const before = await api.ctx.store.revision();
    const made = await api.ask('POST', 'imagestreams', { metadata: { name: 'app' }, spec: { tags } });
    assert.deepEqual(api.reported, []);
    if (made.status === 201) {
      assert.equal(made.body.spec.tags[0].from.name, text.toWellFormed());
      return;
    }
    assert.equal(made.status, 422, made.text);
    const fields = made.body.details.causes.map(({ field }: { field: string }) => field);
    assert.ok(fields.includes('spec.tags[t].from.name'), made.text);
    assert.equal(await api.ctx.store.revision(), before);
  },
);
