/** Names in URLs and bodies: whatever they hold, the answer is an answer, and what is refused leaves nothing behind. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ImageApi, startImageApi } from '../imageapi.ts';
import { fuzz } from './fuzz.ts';

const odd = fc.constantFrom(':', '@', '/', '%', '..', '.', '#', '?', ' ', '\u0000', 'ä', '💧', '__proto__', 'latest');
const name = fc.oneof(
  fc.array(fc.oneof(odd, fc.stringMatching(/^[a-z0-9]{1,4}$/)), { maxLength: 6 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
);

const RESOURCES = ['images', 'imagestreams', 'imagestreamtags', 'imagetags', 'imagestreamimages', 'imagesignatures'];

fuzz(
  'any name in a URL is found, missing or refused',
  fc.record({
    resource: fc.constantFrom(...RESOURCES),
    name,
    method: fc.constantFrom('GET', 'DELETE', 'PUT', 'PATCH'),
    rest: fc.constantFrom('', '/status', '/layers'),
  }),
  200,
  async ({ resource, name: asked, method, rest }) => {
    await using api = await startImageApi();
    const path = `${resource}/${encodeURIComponent(asked.toWellFormed())}${rest}`;
    const body = method === 'PUT' ? { metadata: { name: asked } } : method === 'PATCH' ? {} : undefined;
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await api.ask(method, path, body, { type });
    assert.ok(answer.status < 500, `${method} ${path}: ${answer.text}`);
    assert.deepEqual(api.reported, []);
  },
);

/** What names an object of a resource in a body. */
function bodyOf(resource: string, given: string): object {
  const metadata = { name: given };
  const tag = { name: given, from: { kind: 'DockerImage', name: 'quay.test/x/y' } };
  switch (resource) {
    case 'images':
      return { metadata, dockerImageReference: 'quay.test/x/y' };
    case 'imagestreamtags':
      return { metadata, tag };
    case 'imagetags':
      return { metadata, spec: { from: tag.from } };
    case 'imagesignatures':
      return { metadata, type: 'AtomicImageV1', content: 'eA==' };
    default:
      return { metadata, spec: { tags: [tag] } };
  }
}

fuzz(
  'any name in a body makes an object that is found by it, or nothing',
  fc.record({ resource: fc.constantFrom(...RESOURCES.filter((each) => each !== 'imagestreamimages')), name }),
  200,
  async ({ resource, name: given }) => {
    await using api = await startImageApi();
    const before = await api.ctx.store.revision();
    const made = await api.ask('POST', resource, bodyOf(resource, given));
    assert.deepEqual(api.reported, []);
    if (made.status !== 201) {
      assert.ok(made.status >= 400 && made.status < 500, made.text);
      assert.equal(await api.ctx.store.revision(), before, 'what was refused must not be stored');
      return;
    }
    await assertFound(api, resource, made.body.metadata.name);
  },
);

fuzz('any tag that is pushed is in the stream with its image, or nothing was stored', name, 150, async (tag) => {
  await using api = await startImageApi();
  assert.equal((await api.ask('POST', 'imagestreams', { metadata: { name: 'app' } })).status, 201);
  const before = await api.ctx.store.revision();
  const image = { metadata: { name: 'pushed' }, dockerImageReference: 'quay.test/x/y' };
  const made = await api.ask('POST', 'imagestreammappings', { metadata: { name: 'app' }, tag, image });
  assert.deepEqual(api.reported, []);
  if (made.status !== 201) {
    assert.equal(made.status, 422, made.text);
    assert.equal(await api.ctx.store.revision(), before);
    return;
  }
  const { body } = await api.ask('GET', 'imagestreams/app');
  assert.equal(body.status.tags[0].tag, tag.toWellFormed());
  assert.equal(body.status.tags[0].items[0].image, 'pushed');
});

async function assertFound(api: ImageApi, resource: string, made: string): Promise<void> {
  // A tag of nothing yet has no ImageStreamTag, and one with a second colon cannot be asked for by name.
  if (resource === 'imagesignatures' || resource === 'imagestreamtags' || made.split(':').length > 2) return;
  if (resource === 'imagetags' && made.includes('@')) return;
  const found = await api.ask('GET', `${resource}/${encodeURIComponent(made)}`);
  assert.equal(found.status, 200, found.text);
  assert.equal(found.body.metadata.name, made);
}
