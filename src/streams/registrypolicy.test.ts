/** Lists of allowed registries, on every road that brings references into a stream. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { testContext } from '../../test/context.ts';
import { image, importing, repository } from '../../test/importing.ts';
import { startUpstream } from '../../test/upstream.ts';
import { parsePattern } from '../image/allowedregistries.ts';
import { digestOf } from '../image/digest.ts';
import type { Context } from '../objects/context.ts';
import { DomainError } from '../objects/errors.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import { findStream, imageStreams } from './imagestream.ts';
import { imageStreamImports } from './imagestreamimport.ts';
import { imageStreamMappings } from './imagestreammapping.ts';
import { imageStreamTags } from './imagestreamtag.ts';
import { imageTags } from './imagetag.ts';
import type { ImageStream, ImageStreamImport, ImageStreamTag, ImageTag, TagReference } from './types.ts';

const SECURE = { importMode: 'Legacy' };

const NO = (registry: string): string =>
  `Forbidden registry "${registry}" not allowed by whitelist: "registry.test:5000", "quay.io:443"`;

async function only(patterns: readonly string[], more: Partial<Context> = {}): Promise<Context> {
  const imports = { allowPrivate: true, deny: [], registries: patterns.map(parsePattern) };
  return testContext({ settings: { registryHost: 'registry.test:5000', autoNamespaces: true, imports }, ...more });
}

/** Field, type and detail of every cause, and what the error is about. */
async function refusal(work: unknown): Promise<string[]> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof DomainError) || error.problem.reason !== 'Invalid') throw error;
    const { kind, causes } = error.problem;
    return [kind.kind, ...causes.map(({ field, type, detail }) => `${field}: ${type} ${detail}`)];
  }
  return [];
}

function docker(name: string, from: string, insecure = false): TagReference {
  const importPolicy = insecure && { importPolicy: { insecure } };
  return { name, from: { kind: 'DockerImage', name: from }, annotations: null, ...importPolicy };
}

const stream = (tags: readonly TagReference[], more: object = {}, annotations = {}): ImageStream => ({
  metadata: { name: 'app', annotations },
  spec: { tags: [...tags], ...more },
});

suite('streams', () => {
  test('are made only with references to allowed registries, their own among them', async () => {
    const ctx = await only(['quay.io']);
    const make = (object: ImageStream) => refusal(createObject(ctx, imageStreams, 'default', object));
    assert.deepEqual(
      await make(stream([docker('a', 'evil.test/x'), docker('b', 'quay.io/x'), docker('c', 'busybox')])),
      ['ImageStream', `spec.tags[a].from.name: ${NO('evil.test')}`, `spec.tags[c].from.name: ${NO('docker.io:443')}`],
    );
    assert.deepEqual(await make(stream([], { dockerImageRepository: 'evil.test/x' })), [
      'ImageStream',
      `spec.dockerImageRepository: ${NO('evil.test')}`,
    ]);
    // A tag that is only a reference has a history at once.
    assert.deepEqual(await make(stream([{ ...docker('a', 'evil.test/x'), reference: true }])), [
      'ImageStream',
      `spec.tags[a].from.name: ${NO('evil.test')}`,
      `status.tags[a].items[0].dockerImageReference: ${NO('evil.test')}`,
    ]);
    assert.equal(await findStream(ctx, 'default', 'app'), undefined);
    assert.deepEqual(await make(stream([docker('a', 'quay.io/x'), docker('b', 'registry.test:5000/default/app')])), []);
  });

  test('that are insecure may use the port of either transport', async () => {
    const ctx = await only(['http://plain.test']);
    const make = (object: ImageStream) =>
      refusal(createObject({ ...ctx, dryRun: true }, imageStreams, 'default', object));
    assert.equal((await make(stream([docker('a', 'plain.test/x')]))).length, 2);
    assert.deepEqual(await make(stream([docker('a', 'plain.test/x', true)])), []);
    assert.deepEqual(
      await make(stream([docker('a', 'plain.test/x')], {}, { 'openshift.io/image.insecureRepository': 'true' })),
      [],
    );
  });

  test('may keep, and go on with, what they had before the list', async () => {
    const open = await testContext();
    await createObject(
      open,
      imageStreams,
      'default',
      stream([docker('a', 'evil.test/x:1'), docker('b', 'evil.test/y')]),
    );
    const ctx = await only(['quay.io'], { store: open.store });
    const change = (tags: TagReference[]) =>
      refusal(updateObject(ctx, imageStreams, 'default', 'app', (old) => ({ ...old, spec: { ...old.spec, tags } })));
    assert.deepEqual(await change([docker('a', 'evil.test/x:2'), docker('c', 'quay.io/x')]), []);
    assert.deepEqual(await change([docker('a', 'evil.test/z')]), [
      'ImageStream',
      `spec.tags[a].from.name: ${NO('evil.test')}`,
    ]);
  });

  test('take into their status only what is allowed or was there', async () => {
    const ctx = await only(['quay.io']);
    await createObject(ctx, imageStreams, 'default', stream([]));
    const name = digestOf('one');
    const map = (tag: string, from: string) => {
      const mapped = { metadata: { name }, dockerImageReference: `${from}@${name}` };
      const mapping = { metadata: { name: 'app', namespace: 'default' }, image: mapped, tag };
      return refusal(imageStreamMappings.computed?.create?.(ctx, 'default', mapping));
    };
    assert.deepEqual(await map('a', 'quay.io/x'), []);
    assert.deepEqual(await map('b', 'evil.test/x'), [
      'ImageStream',
      `status.tags[b].items[0].dockerImageReference: ${NO('evil.test')}`,
    ]);
    const rules = imageStreams.subresources?.find((sub) => sub.name === 'status')?.status;
    assert.ok(rules);
    const item = { created: '2026-01-01T00:00:00Z', dockerImageReference: 'evil.test/x', image: name, generation: 1 };
    const change = (old: ImageStream): ImageStream => {
      const tags = [...(old.status?.tags ?? []), { tag: 'b', items: [item, { ...item, image: 'other' }] }];
      return { ...old, status: { dockerImageRepository: '', tags } };
    };
    const options = { rules, retry: true };
    assert.deepEqual(await refusal(updateObject(ctx, imageStreams, 'default', 'app', change, options)), [
      'ImageStream',
      `status.tags[b].items[0].dockerImageReference: ${NO('evil.test')}`,
      `status.tags[b].items[1].dockerImageReference: ${NO('evil.test')}`,
    ]);
    const open = await testContext({ store: ctx.store });
    await updateObject(open, imageStreams, 'default', 'app', change, options);
    const more = (old: ImageStream): ImageStream => ({
      ...old,
      status: { dockerImageRepository: '', tags: [...(old.status?.tags ?? []), { tag: 'c', items: [item] }] },
    });
    assert.deepEqual(await refusal(updateObject(ctx, imageStreams, 'default', 'app', more, options)), []);
  });
});

test('ImageStreamTags and ImageTags are held to the list, but may go on where they are', async () => {
  const ctx = await only(['quay.io']);
  const metadata = { name: 'app:a', namespace: 'default' };
  const istag = (tag: TagReference): ImageStreamTag => ({ metadata, tag }) as ImageStreamTag;
  const itag = (spec: TagReference): ImageTag => ({ metadata, spec }) as ImageTag;
  const evil = docker('a', 'evil.test/x:1');
  const tries: readonly [work: () => unknown, kind: string, field: string][] = [
    [() => imageStreamTags.computed?.create?.(ctx, 'default', istag(evil)), 'ImageStreamTag', 'tag.from.name'],
    [() => imageStreamTags.computed?.update?.(ctx, 'default', 'app:a', istag(evil)), 'ImageStreamTag', 'tag.from.name'],
    [() => imageTags.computed?.create?.(ctx, 'default', itag(evil)), 'ImageTag', 'spec.from.name'],
    [() => imageTags.computed?.update?.(ctx, 'default', 'app:a', itag(evil)), 'ImageTag', 'spec.from.name'],
  ];
  for (const [work, kind, field] of tries) {
    assert.deepEqual(await refusal(work()), [kind, `${field}: ${NO('evil.test')}`]);
  }
  const open = await testContext({ store: ctx.store });
  await imageStreamTags.computed?.create?.(open, 'default', istag(evil));
  const moved = istag(docker('a', 'evil.test/x:2'));
  assert.deepEqual(await refusal(imageStreamTags.computed?.update?.(ctx, 'default', 'app:a', moved)), []);
  const away = istag(docker('a', 'evil.test/z'));
  assert.equal((await refusal(imageStreamTags.computed?.update?.(ctx, 'default', 'app:a', away)))[0], 'ImageStreamTag');
});

suite('imports', () => {
  const asking: string[] = [];
  /** May do everything but what is listed. */
  const authorizer = (...denied: string[]): Context['authorizer'] => ({
    authorize: (_user, attributes) => {
      const resource = 'resource' in attributes ? attributes.resource : '';
      if ('namespace' in attributes && attributes.namespace) return { allowed: true, reason: '' };
      asking.push(resource);
      return { allowed: !denied.includes(resource), reason: '' };
    },
  });
  const look = (ctx: Context, spec: Partial<ImageStreamImport['spec']>) =>
    imageStreamImports.computed?.create?.(ctx, 'default', {
      metadata: { name: 'app' },
      spec: { import: false, ...spec },
      status: {},
    });

  test('reach only allowed registries', async () => {
    await using upstream = await startUpstream();
    const ctx = await only(['quay.io'], { authorizer: authorizer('images', 'imagestreammapping') });
    const spec = {
      repository: repository('evil.test/team/app'),
      images: [
        image(`${upstream.host}/team/app:1.0`),
        image('quay.io/x:1', 'x', SECURE),
        image('busybox:1', 'y', SECURE),
      ],
    };
    const no = (registry: string): string =>
      `Forbidden importing images from registry "${registry}" is forbidden: ${NO(registry).replace('Forbidden ', '')}`;
    assert.deepEqual(await refusal(look(ctx, spec)), [
      'ImageStreamImport',
      `spec.repository.from.name: ${no('evil.test:80')}`,
      `spec.images[0].from.name: ${no(upstream.host)}`,
      `spec.images[2].from.name: ${no('docker.io:443')}`,
    ]);
    assert.deepEqual(upstream.requests, []);
    assert.deepEqual(asking.splice(0), ['images', 'imagestreammapping']);
  });

  test('of who may create Images or mappings look anywhere, but bring nothing in', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    for (const denied of ['images', 'imagestreammapping']) {
      const ctx = await only(['quay.io'], { authorizer: authorizer(denied) });
      const source = image(`${upstream.host}/team/app:1.0`);
      assert.deepEqual(await refusal(look(ctx, { images: [source] })), []);
      const told = await refusal(importing(ctx, source));
      assert.equal(told[0], 'ImageStream');
      assert.match(told[1] ?? '', /^spec\.tags\[1\.0\]\.from\.name: Forbidden registry/);
      assert.equal(await findStream(ctx, 'default', 'app'), undefined);
    }
    const ctx = await only([upstream.host], { authorizer: authorizer('images', 'imagestreammapping') });
    await importing(ctx, image(`${upstream.host}/team/app:1.0`));
    assert.ok(await findStream(ctx, 'default', 'app'));
  });
});
