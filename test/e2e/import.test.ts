/** Imports from Debian's docker-registry. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { ImageStreamImport, TagImportPolicy } from '../../src/streams/types.ts';
import { type Distribution, startDistribution } from '../distribution.ts';
import { ask, json } from '../http.ts';
import { CONTENT, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { ownHome, succeed } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';

const env = ownHome();
let server: TestServer;
let upstream: Distribution;

before(async () => {
  upstream = await startDistribution();
  server = await startServer({ flags: ['--import-allow-private'] });
  const images = makeImages(env);
  await push(await images.image('1.0'), 'team/app:1.0');
  await push(await images.image('2.0', 'docker'), 'team/app:2.0');
  await push(await images.index(), 'team/app:all', '--all');
});
after(async () => {
  upstream?.kill();
  await server?.kill();
});

function push(source: string, reference: string, ...flags: string[]): Promise<string> {
  const to = `docker://${upstream.host}/${reference}`;
  return succeed(part('skopeo'), ['copy', '--dest-tls-verify=false', ...flags, source, to], { env });
}

async function importing(name: string, spec: Partial<ImageStreamImport['spec']>): Promise<ImageStreamImport> {
  const url = `${server.apiUrl}/apis/image.openshift.io/v1/namespaces/default/imagestreamimports`;
  const body = JSON.stringify({ metadata: { name }, spec: { import: true, ...spec } });
  const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' };
  const answer = await ask(url, { method: 'POST', headers, body, ca: server.ca });
  assert.equal(answer.status, 201, answer.body.toString());
  return json(answer) as ImageStreamImport;
}

function from(reference: string, importPolicy: TagImportPolicy = { insecure: true }) {
  return { from: { kind: 'DockerImage', name: `${upstream.host}/${reference}` }, importPolicy };
}

suite('from a real registry', () => {
  test('an image is found with all that it says of itself', async () => {
    const { status } = await importing('one', { images: [from('team/app:1.0'), from('team/app:2.0')] });
    for (const { image, status: outcome } of status.images ?? []) {
      assert.equal(outcome.status, 'Success', String(outcome.message));
      const { Config } = (image?.dockerImageMetadata ?? {}) as { Config?: { Env: string[]; WorkingDir: string } };
      assert.deepEqual([Config?.Env, Config?.WorkingDir], [[...CONTENT.env], CONTENT.workingDir]);
      assert.equal(image?.dockerImageLayers?.length, CONTENT.layers);
    }
    assert.deepEqual(
      status.import?.status?.tags?.map(({ tag }) => tag),
      ['1.0', '2.0'],
    );
  });
  test('an index stays whole', async () => {
    const policy = { insecure: true, importMode: 'PreserveOriginal' };
    const { status } = await importing('whole', { images: [from('team/app:all', policy)] });
    const { image, manifests } = status.images?.[0] ?? assert.fail('nothing was found');
    assert.deepEqual(
      image?.dockerImageManifests?.map(({ architecture }) => architecture),
      ['amd64', 'arm64'],
    );
    assert.equal(manifests?.length, 2);
  });
  test('a repository comes with all its tags', async () => {
    const { status } = await importing('all', { repository: from('team/app') });
    assert.deepEqual(
      status.repository?.images?.map(({ tag }) => tag),
      ['2.0', '1.0', 'all'],
    );
    assert.equal(status.repository?.status.status, 'Success');
  });
  test('what is not there is told', async () => {
    const { status } = await importing('absent', { images: [from('team/app:absent')], repository: from('team/none') });
    assert.equal(status.images?.[0]?.status.reason, 'NotFound');
    assert.equal(status.repository?.status.reason, 'NotFound');
    assert.equal(status.import?.status?.tags?.[0]?.conditions?.[0]?.reason, 'NotFound');
  });
});
