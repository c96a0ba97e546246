/**
 * Rights over HTTP: whoever tags an image from another namespace must be allowed to pull it there. What is asked, how often,
 * and how a refusal reads.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes, Authorizer } from '../../src/access/user.ts';
import { type ImageApi, MERGE, startImageApi } from '../imageapi.ts';
import { docker, exactly, made, ONE, stream, tracking } from '../imagestreams.ts';

type ResourceAttributes = Extract<Attributes, { readonly resource: string }>;

/** Allows everything but what is asked about others' layers; keeps those questions. */
interface Guard extends Authorizer {
  readonly asked: ResourceAttributes[];
  /** `namespace/stream` that may be pulled from. */
  readonly open: Set<string>;
}

function guard(reason = ''): Guard {
  const asked: ResourceAttributes[] = [];
  const open = new Set<string>();
  return {
    asked,
    open,
    authorize: (_user, attributes) => {
      if (!('resource' in attributes) || attributes.subresource !== 'layers') return { allowed: true, reason: '' };
      asked.push(attributes);
      return { allowed: open.has(`${attributes.namespace}/${attributes.name}`), reason };
    },
    rulesFor: () => ({ rules: [], obstacle: '' }),
    permittedTo: () => ({ users: [], groups: [] }),
  };
}

const foreign = (name: string, from: string, namespace: string, kind = 'ImageStreamTag'): object => ({
  name,
  from: { kind, name: from, namespace },
});

/** Streams `other` and `something` with a tag `latest` in the namespaces `otherns` and `secondns`. */
async function sources(api: ImageApi): Promise<void> {
  for (const namespace of ['otherns', 'secondns']) {
    await made(api, '/api/v1/namespaces', { metadata: { name: namespace } });
    for (const name of ['other', 'something']) {
      const base = `/apis/image.openshift.io/v1/namespaces/${namespace}`;
      await made(api, `${base}/imagestreams`, { metadata: { name } });
      const image = { metadata: { name: ONE }, dockerImageReference: `registry.test:5000/${namespace}/${name}@${ONE}` };
      await made(api, `${base}/imagestreammappings`, { metadata: { name }, tag: 'latest', image });
    }
  }
}

const refusal = (tag: string, where: string, reason = ''): string =>
  `spec.tags[${tag}].from: Forbidden: ${where}: "${reason}" ""`;

/** What a refused write of the stream `app` says, errors in the order in which they come. */
function assertRefused({ status, body }: Awaited<ReturnType<ImageApi['ask']>>, ...errors: string[]): void {
  assert.equal(status, 422, body.message);
  const text = errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`;
  const inner = `Internal error: imagestreams "app" is invalid: ${text}`;
  assert.equal(body.message, `ImageStream.image.openshift.io "app" is invalid: []: ${inner}`);
  assert.deepEqual(body.details.causes, [{ reason: 'InternalError', message: inner, field: '[]' }]);
}

const post = (api: ImageApi, ...tags: object[]) =>
  api.ask('POST', 'imagestreams', { metadata: { name: 'app' }, spec: { tags } });

suite('tags from other namespaces', () => {
  test('are asked about by layers of the stream, and copied if that is allowed', async () => {
    const authorizer = guard();
    await using api = await startImageApi({ authorizer });
    await sources(api);
    authorizer.open.add('otherns/other');
    const { status, body } = await post(api, foreign('latest', 'other:latest', 'otherns'));
    assert.equal(status, 201);
    assert.deepEqual(authorizer.asked, [
      {
        verb: 'get',
        group: 'image.openshift.io',
        resource: 'imagestreams',
        subresource: 'layers',
        namespace: 'otherns',
        name: 'other',
      },
    ]);
    // Pulled from here in future.
    assert.equal(body.status.tags[0].items[0].dockerImageReference, `registry.test:5000/one/app@${ONE}`);
  });

  test('are refused as an internal error of the stream, which is not made', async () => {
    await using api = await startImageApi({ authorizer: guard() });
    await sources(api);
    assertRefused(await post(api, foreign('latest', 'other:latest', 'otherns')), refusal('latest', 'otherns/other'));
    assert.equal((await api.ask('GET', 'imagestreams/app')).status, 404);
  });

  test('the reason of a refusal is told', async () => {
    await using api = await startImageApi({ authorizer: guard('no "role"') });
    await sources(api);
    const answer = await post(api, foreign('latest', 'other:latest', 'otherns'));
    assertRefused(answer, refusal('latest', 'otherns/other', 'no \\"role\\"'));
  });

  test('are not asked about in their own namespace, said or not, nor for other registries', async () => {
    const authorizer = guard();
    await using api = await startImageApi({ authorizer });
    await stream(api, 'other');
    const own = { name: 'said', from: { kind: 'ImageStreamTag', name: 'other:latest', namespace: 'one' } };
    const { status } = await post(api, own, tracking('unsaid', 'other:latest'), docker('far', 'r.test/a'));
    assert.equal(status, 201);
    assert.deepEqual(authorizer.asked, []);
  });

  test('of one stream are asked about once, and all refused together, beside those of others', async () => {
    const authorizer = guard();
    await using api = await startImageApi({ authorizer });
    await sources(api);
    authorizer.open.add('secondns/other');
    const answer = await post(
      api,
      foreign('a', 'other:latest', 'otherns'),
      foreign('b', 'other:latest', 'otherns'),
      foreign('c', 'something:latest', 'secondns'),
      foreign('d', 'something:latest', 'secondns'),
      foreign('e', 'other:latest', 'secondns'),
    );
    assertRefused(
      answer,
      refusal('a', 'otherns/other'),
      refusal('b', 'otherns/other'),
      refusal('c', 'secondns/something'),
      refusal('d', 'secondns/something'),
    );
    const asked = authorizer.asked.map(({ namespace, name }) => `${namespace}/${name}`);
    assert.deepEqual(asked, ['otherns/other', 'secondns/something', 'secondns/other']);
  });

  test('with a name of no form are refused, without a question', async () => {
    const authorizer = guard();
    await using api = await startImageApi({ authorizer });
    await sources(api);
    const form =
      'spec.tags[latest].from.name: Invalid value: "a:b:c": must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>';
    const answer = await post(api, foreign('latest', 'a:b:c', 'otherns'));
    assertRefused(answer, form);
    assert.deepEqual(authorizer.asked, []);
  });

  test('that are not there are told as such, beside the refusal', async () => {
    await using api = await startImageApi({ authorizer: guard() });
    await sources(api);
    const missing = 'spec.tags[latest].from.name: Not found: "none:latest"';
    assertRefused(
      await post(api, foreign('latest', 'none:latest', 'otherns')),
      refusal('latest', 'otherns/none'),
      missing,
    );
  });

  test('by an image are asked about alike', async () => {
    const authorizer = guard();
    await using api = await startImageApi({ authorizer });
    await sources(api);
    const tag = foreign('latest', `other@${ONE}`, 'otherns', 'ImageStreamImage');
    assertRefused(await post(api, tag), refusal('latest', 'otherns/other'));
    authorizer.open.add('otherns/other');
    const { status, body } = await post(api, tag);
    assert.equal(status, 201);
    assert.equal(body.status.tags[0].items[0].image, ONE);
  });

  test('that stay as they are need no right any more; another tag of the same stream does', async () => {
    const authorizer = guard();
    await using api = await startImageApi({ authorizer });
    await sources(api);
    authorizer.open.add('otherns/other');
    const tag = foreign('latest', 'other:latest', 'otherns');
    assert.equal((await post(api, tag)).status, 201);
    authorizer.open.clear();
    authorizer.asked.length = 0;
    const patch = (...tags: object[]) => api.ask('PATCH', 'imagestreams/app', { spec: { tags } }, { type: MERGE });
    assert.equal((await patch(tag, docker('more', 'r.test/a'))).status, 200);
    assert.deepEqual(authorizer.asked, []);
    assertRefused(await patch(foreign('latest', 'other:foo', 'otherns')), refusal('latest', 'otherns/other'));
  });

  for (const [resource, member] of [
    ['imagestreamtags', 'tag'],
    ['imagetags', 'spec'],
  ] as const) {
    test(`are asked about when ${resource} are written, too`, async () => {
      const authorizer = guard();
      await using api = await startImageApi({ authorizer });
      await sources(api);
      const body = { metadata: { name: 'app:latest' }, [member]: foreign('latest', 'other:latest', 'otherns') };
      const refused = await api.ask('POST', resource, body);
      assert.equal(refused.status, 422);
      assert.match(refused.body.message, /spec\.tags\[latest\]\.from: Forbidden: otherns\/other: "" ""/);
      assert.equal((await api.ask('GET', 'imagestreams/app')).status, 404);
      authorizer.open.add('otherns/other');
      assert.equal((await api.ask('POST', resource, body)).status, 201);
    });
  }

  test('are copied once: what happens there later, or to the right, changes nothing', async () => {
    const authorizer = guard();
    await using api = await startImageApi({ authorizer });
    await sources(api);
    authorizer.open.add('otherns/other');
    await post(api, foreign('latest', 'other:latest', 'otherns'));
    assert.equal(
      (await api.ask('DELETE', '/apis/image.openshift.io/v1/namespaces/otherns/imagestreams/other')).status,
      200,
    );
    authorizer.open.clear();
    assert.equal((await api.ask('GET', 'imagestreamtags/app:latest')).body.image.metadata.name, ONE);
    const { status } = await api.ask('PUT', 'imagestreamtags/app:next', {
      metadata: { name: 'app:next' },
      tag: exactly('next', `app@${ONE}`),
    });
    assert.equal(status, 201);
  });
});
