/** What people read when a push is refused: skopeo and podman print the server's own words. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type Api, askApi } from '../api.ts';
import { json } from '../http.ts';
import { makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { fail, ownHome, succeed } from '../program.ts';
import { askRegistry, expectStatus } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';
import { startProxy } from '../tcpproxy.ts';

/** Of a body of a PATCH that goes by, the byte that is changed: behind all heads, within the first layer. */
const FLIPPED = 200_000;

let server: TestServer;
let api: Api;
let archive: string;
let image: string;
const env = ownHome();
const podman = (...args: string[]): string[] => ['--cgroup-manager', 'cgroupfs', ...args];

before(async () => {
  server = await startServer();
  api = { url: server.apiUrl, token: server.token, ca: server.ca };
  archive = await makeImages(env).archive('1.0');
  image = (await succeed(part('podman'), podman('pull', '--quiet', archive), { env })).trim();
  for (const name of ['small', 'strict', 'private']) {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    expectStatus(await askApi(api, '/api/v1/namespaces', { method: 'POST', body }), 201);
  }
});
after(async () => {
  await server?.kill();
});

/** What each client says about a push that must fail. */
async function sayings(reference: string, token = server.token, registry = server.registry): Promise<string[]> {
  const to = `docker://${registry}/${reference}`;
  const creds = `admin:${token}`;
  return [
    await fail(part('skopeo'), ['copy', '--dest-tls-verify=false', '--dest-creds', creds, archive, to], { env }),
    await fail(part('podman'), podman('push', '--tls-verify=false', '--creds', creds, image, to), {
      env,
    }),
  ];
}

async function isAbsent(repository: string): Promise<void> {
  const { status } = await askRegistry({ url: server.registryUrl, token: server.token }, `${repository}/manifests/1.0`);
  assert.equal(status, 404, `${repository} has a tag`);
}

suite('skopeo and podman print why a push was refused', () => {
  test('over what a LimitRange allows for an image', async () => {
    const spec = { limits: [{ type: 'openshift.io/Image', max: { storage: '10Ki' } }] };
    const body = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'images' }, spec };
    expectStatus(await askApi(api, '/api/v1/namespaces/small/limitranges', { method: 'POST', body }), 201);
    for (const said of await sayings('small/app:1.0')) {
      assert.match(said, /denied: .*(?:maximum|exceeds).*10Ki/is);
    }
    await isAbsent('small/app');
  });

  test('over the quota of a namespace', async () => {
    const spec = { hard: { 'openshift.io/imagestreams': '0' } };
    const body = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'streams' }, spec };
    expectStatus(await askApi(api, '/api/v1/namespaces/strict/resourcequotas', { method: 'POST', body }), 201);
    for (const said of await sayings('strict/app:1.0')) {
      assert.match(said, /denied: .*exceeded quota: streams.*openshift\.io\/imagestreams/is);
    }
    await isAbsent('strict/app');
  });

  test('without the right to push', async () => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const path = '/api/v1/namespaces/default/serviceaccounts/default/token';
    const { status } = json(expectStatus(await askApi(api, path, { method: 'POST', body }), 201)) as {
      readonly status: { readonly token: string };
    };
    for (const said of await sayings('private/app:1.0', status.token)) {
      assert.match(said, /may not push to private\/app; ask for the role system:image-pusher in the namespace private/);
    }
    await isAbsent('private/app');
  });

  test('with a name that cannot be', async () => {
    for (const said of await sayings('default/too/deep:1.0')) {
      assert.match(said, /has 3 parts, but a repository here is an image stream in a namespace; use namespace\/stream/);
    }
  });

  test('when the network has changed a byte on the way: and nothing is kept', async () => {
    let seen = 0;
    await using proxy = await startProxy(server.registry, (bytes) => {
      const at = FLIPPED - seen;
      seen += bytes.length;
      if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes;
    });
    const reference = 'default/flipped:1.0';
    const args = ['copy', '--dest-tls-verify=false', '--dest-creds', `admin:${server.token}`, archive];
    const said = await fail(part('skopeo'), [...args, `docker://${proxy.endpoint}/${reference}`], { env });
    assert.match(said, /the content has digest sha256:[0-9a-f]{64}, not sha256:[0-9a-f]{64}/);
    await isAbsent('default/flipped');
    await succeed(part('skopeo'), [...args, `docker://${server.registry}/${reference}`], { env });
  });
});
