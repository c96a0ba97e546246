/** What clients do on the wire, each in its own way: the sequences of requests, read from their sources. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, suite, test } from 'node:test';
import { digestOf } from '../image/digest.ts';
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../image/mediatype.ts';
import { findImage } from '../streams/layers.ts';
import { type Reply, startTrial, type Trial } from './trial.ts';

let trial: Trial;
before(async () => {
  trial = await startTrial();
});
after(() => trial.stop());

const OCTETS = { 'Content-Type': 'application/octet-stream' };
const CHUNKED = { ...OCTETS, 'Transfer-Encoding': 'chunked' };

function locationOf(reply: Reply): string {
  const { location = '' } = reply.headers;
  assert.match(location, /^\/v2\/.*\?/, 'a relative Location, with a query to which clients add');
  return location;
}

async function begin(name: string, query = ''): Promise<string> {
  const begun = await trial.call('POST', `/v2/${name}/blobs/uploads/${query}`);
  assert.equal(begun.status, 202);
  return locationOf(begun);
}

const put = (name: string, reference: string, manifest: object, type = OCI_MANIFEST): Promise<Reply> =>
  trial.call('PUT', `/v2/${name}/manifests/${reference}`, {
    headers: { 'Content-Type': type },
    body: JSON.stringify(manifest),
  });

async function descriptor(name: string, mediaType: string, content: string): Promise<object> {
  return { mediaType, digest: await trial.pushBlob(name, content), size: content.length };
}

suite('docker engine', () => {
  test('HEAD of a blob, POST with mount, PATCH in chunks without length and range, empty PUT', async () => {
    const bytes = randomBytes(300_000);
    const digest = digestOf(bytes);
    assert.equal((await trial.call('HEAD', `/v2/dev/docker/blobs/${digest}`)).status, 404);
    const location = await begin('dev/docker', `?from=dev%2Fother&mount=${encodeURIComponent(digest)}`);
    const patched = await trial.call('PATCH', location, { headers: CHUNKED, body: bytes });
    assert.equal(patched.status, 202);
    assert.equal(patched.headers.range, `0-${bytes.length - 1}`);
    const done = await trial.call('PUT', `${locationOf(patched)}&digest=${encodeURIComponent(digest)}`, { body: '' });
    assert.equal(done.status, 201);
    assert.equal((await trial.call('HEAD', `/v2/dev/docker/blobs/${digest}`)).headers['content-length'], '300000');
  });

  test('a schema 2 image and a manifest list come back with their own types', async () => {
    const config = await descriptor('dev/docker', 'application/vnd.docker.container.image.v1+json', '{"os":"linux"}');
    const layers = [await descriptor('dev/docker', 'application/vnd.docker.image.rootfs.diff.tar.gzip', 'layer')];
    const image = { schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers };
    const pushed = await put('dev/docker', 'v1', image, DOCKER_MANIFEST);
    const child = {
      mediaType: DOCKER_MANIFEST,
      digest: pushed.headers['docker-content-digest'],
      size: JSON.stringify(image).length,
      platform: { architecture: 'amd64', os: 'linux' },
    };
    const list = { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [child] };
    assert.equal((await put('dev/docker', 'multi', list, DOCKER_LIST)).status, 201);
    for (const [tag, type] of [
      ['v1', DOCKER_MANIFEST],
      ['multi', DOCKER_LIST],
    ] as const) {
      const head = await trial.call('HEAD', `/v2/dev/docker/manifests/${tag}`, { headers: { Accept: OCI_MANIFEST } });
      assert.equal(head.headers['content-type'], type);
    }
  });
});

suite('containerd', () => {
  test('the digest stands in the answer to the PUT of blobs and manifests alike', async () => {
    const location = await begin('dev/containerd');
    const digest = digestOf('a blob');
    const blob = await trial.call('PUT', `${location}&digest=${digest}`, { headers: OCTETS, body: 'a blob' });
    assert.equal(blob.headers['docker-content-digest'], digest);
    const config = await descriptor('dev/containerd', OCI_CONFIG, '{}');
    const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] };
    const pushed = await put('dev/containerd', 'v1', manifest);
    assert.equal(pushed.headers['docker-content-digest'], digestOf(JSON.stringify(manifest)));
  });

  test('a mount from what the user may not read is a session, not 403, which would end the push', async () => {
    const digest = await trial.pushBlob('secret/app', 'not for everybody');
    const query = `?mount=${digest}&from=secret/app`;
    const reply = await trial.call('POST', `/v2/dev/containerd/blobs/uploads/${query}`, { token: 'dev-token' });
    assert.equal(reply.status, 202);
    assert.equal((await trial.call('HEAD', `/v2/dev/containerd/blobs/${digest}`)).status, 404);
  });

  test('HEAD by digest: as a manifest, and as a blob after 404; ns names the mirror and changes nothing', async () => {
    const digest = await trial.pushBlob('dev/containerd', 'only a blob');
    const ns = '?ns=docker.io';
    assert.equal((await trial.call('HEAD', `/v2/dev/containerd/manifests/${digest}${ns}`)).status, 404);
    const found = await trial.call('HEAD', `/v2/dev/containerd/blobs/${digest}${ns}`);
    assert.equal(found.status, 200);
    assert.equal(found.headers['docker-content-digest'], digest);
  });

  test('a layer in parallel ranges, with Accept-Encoding, is the layer', async () => {
    const bytes = randomBytes(1_000_000);
    const digest = await trial.pushBlob('dev/containerd', bytes);
    const ranges = Array.from({ length: 4 }, (_, index) => [index * 250_000, (index + 1) * 250_000 - 1]);
    const headers = (range: readonly number[]) => ({
      Range: `bytes=${range.join('-')}`,
      'Accept-Encoding': 'zstd, gzip',
    });
    const parts = await Promise.all(
      ranges.map((range) => trial.call('GET', `/v2/dev/containerd/blobs/${digest}`, { headers: headers(range) })),
    );
    assert.deepEqual(
      parts.map(({ status }) => status),
      [206, 206, 206, 206],
    );
    assert.ok(Buffer.concat(parts.map(({ body }) => body)).equals(bytes));
    assert.ok(parts.every((part) => part.headers['content-encoding'] === undefined));
  });

  test('a push without a token is challenged; the token comes by a form, as OAuth has it, or by GET', async () => {
    const refused = await trial.call('POST', '/v2/dev/containerd/blobs/uploads/', { token: null });
    assert.equal(refused.status, 401);
    const [, realm = '', service = '', scope = ''] =
      /^Bearer realm="([^"]+)",service="([^"]+)",scope="([^"]+)"$/.exec(String(refused.headers['www-authenticate'])) ??
      [];
    assert.equal(scope, 'repository:dev/containerd:pull,push');
    const path = new URL(realm).pathname;
    const form = new URLSearchParams({ grant_type: 'password', client_id: 'containerd-client', service, scope });
    form.set('username', 'anyone');
    form.set('password', 'dev-token');
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const posted = await trial.call('POST', path, { token: null, headers, body: form.toString() });
    const Authorization = `Basic ${Buffer.from('anyone:dev-token').toString('base64')}`;
    const got = await trial.call('GET', `${path}?service=${service}&scope=${scope}`, { headers: { Authorization } });
    for (const { status, body } of [posted, got]) {
      assert.equal(status, 200);
      const { access_token: token } = JSON.parse(body.toString()) as { readonly access_token: string };
      assert.equal((await trial.call('POST', '/v2/dev/containerd/blobs/uploads/', { token })).status, 202);
    }
  });
});

suite('podman, skopeo and buildah (containers/image)', () => {
  test('after a mount that was not made the session is cancelled and another begun', async () => {
    const digest = digestOf('to be sent');
    const unwanted = await begin('dev/skopeo', `?mount=${digest}&from=dev/nowhere`);
    assert.equal((await trial.call('DELETE', unwanted)).status, 204);
    const location = await begin('dev/skopeo');
    const patched = await trial.call('PATCH', location, { headers: CHUNKED, body: 'to be sent' });
    const url = `${locationOf(patched)}&digest=${digest}`;
    assert.equal((await trial.call('PUT', url, { headers: { 'Content-Length': 0 } })).status, 201);
  });

  test('a manifest that is refused is refused in a way after which they convert it', async () => {
    const reply = await put('dev/skopeo', 'v1', { schemaVersion: 2, mediaType: 'application/unknown+json' });
    assert.equal(reply.status, 400);
    assert.equal(reply.code, 'MANIFEST_INVALID');
  });

  test('delete: GET of the tag, its digest, DELETE of that, exactly 202', async () => {
    const { digest } = await trial.pushImage('dev/skopeo', 'doomed');
    const found = await trial.call('GET', '/v2/dev/skopeo/manifests/doomed');
    assert.equal(found.headers['docker-content-digest'], digest);
    assert.equal((await trial.call('DELETE', `/v2/dev/skopeo/manifests/${digest}`)).status, 202);
    assert.equal((await trial.call('GET', '/v2/dev/skopeo/manifests/doomed')).code, 'MANIFEST_UNKNOWN');
  });

  test('zstd:chunked: 1024 ranges in one request are 1024 parts, one for each, in the order asked', async () => {
    const bytes = randomBytes(12_000_000);
    const digest = await trial.pushBlob('dev/skopeo', bytes);
    // Neighbours and overlaps too: merging them would break the pull.
    const ranges = Array.from({ length: 1024 }, (_, index) => {
      const start = 11_900_000 - index * 1_800;
      return [start, start + (index % 3 === 0 ? 1_799 : 99)] as const;
    });
    const header = `bytes=${ranges.map(([start, end]) => `${start}-${end}`).join(',')}`;
    assert.ok(header.length > 16 * 1024, 'more than Node takes by itself');
    const reply = await trial.call('GET', `/v2/dev/skopeo/blobs/${digest}`, { headers: { Range: header } });
    assert.equal(reply.status, 206);
    assert.equal(reply.body.length, Number(reply.headers['content-length']));
    const parts = partsOf(reply);
    assert.equal(parts.length, ranges.length);
    for (const [index, [start, end]] of ranges.entries()) {
      assert.equal(parts[index]?.range, `bytes ${start}-${end}/${bytes.length}`);
      assert.ok(parts[index]?.body.equals(bytes.subarray(start, end + 1)));
    }
    const more = await trial.call('GET', `/v2/dev/skopeo/blobs/${digest}`, { headers: { Range: `${header},0-0` } });
    assert.equal(more.status, 400, 'they then ask for half as many');
  });
});

/** The parts of a multipart/byteranges body (RFC 9110 §14.6). */
function partsOf({ headers, body }: Reply): { readonly range: string; readonly body: Buffer }[] {
  const [, boundary = ''] = /^multipart\/byteranges; boundary=(.+)$/.exec(String(headers['content-type'])) ?? [];
  const parts: { range: string; body: Buffer }[] = [];
  let at = body.indexOf(`--${boundary}`);
  for (;;) {
    const start = body.indexOf('\r\n\r\n', at) + 4;
    const head = body.toString('latin1', at, start);
    const [, range = '', from = '0', to = '0'] = /^Content-Range: (bytes (\d+)-(\d+)\/\d+)\r$/im.exec(head) ?? [];
    const end = start + Number(to) - Number(from) + 1;
    parts.push({ range, body: body.subarray(start, end) });
    at = end + 2;
    assert.equal(body.toString('latin1', end, at), '\r\n');
    if (body.toString('latin1', at).startsWith(`--${boundary}--`)) return parts;
  }
}

suite('crane (go-containerregistry)', () => {
  test('HEAD of a manifest has type, length and digest', async () => {
    const { digest, bytes } = await trial.pushImage('dev/crane', 'v1');
    const { headers, status } = await trial.call('HEAD', '/v2/dev/crane/manifests/v1');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], OCI_MANIFEST);
    assert.equal(headers['content-length'], String(bytes.length));
    assert.equal(headers['docker-content-digest'], digest);
  });

  test('a mount that names no digest begins a session', async () => {
    await begin('dev/crane', '?mount=nonsense&from=dev/app');
  });
});

suite('oras', () => {
  test('the probe for referrers, a digest of zeros: 200 with exactly the type of an index', async () => {
    for (const name of ['dev/oras', 'dev/never-seen']) {
      const reply = await trial.call('GET', `/v2/${name}/referrers/sha256:${'0'.repeat(64)}`);
      assert.equal(reply.status, 200);
      assert.equal(reply.headers['content-type'], OCI_INDEX);
      assert.deepEqual(JSON.parse(reply.body.toString()).manifests, []);
    }
  });

  test('attach: a manifest with a subject is 201 with OCI-Subject; n pages the referrers, artifactType filters', async () => {
    const { digest, bytes } = await trial.pushImage('dev/oras', 'v1');
    const subject = { mediaType: OCI_MANIFEST, digest, size: bytes.length };
    const empty = await descriptor('dev/oras', 'application/vnd.oci.empty.v1+json', '{}');
    for (const artifactType of ['example/sbom', 'example/sig', 'example/sbom']) {
      const artifact = {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        artifactType,
        config: empty,
        layers: [empty],
        subject,
      };
      const annotations = { at: String(Math.random()) };
      const reply = await put('dev/oras', digestOf(JSON.stringify({ ...artifact, annotations })), {
        ...artifact,
        annotations,
      });
      assert.equal(reply.status, 201, reply.body.toString());
      assert.equal(reply.headers['oci-subject'], digest);
    }
    const found: string[] = [];
    for (let path: string | undefined = `/v2/dev/oras/referrers/${digest}?n=1`; path !== undefined; ) {
      const page: Reply = await trial.call('GET', path);
      found.push(
        ...JSON.parse(page.body.toString()).manifests.map((each: { artifactType: string }) => each.artifactType),
      );
      path = /^<(.+)>; rel="next"$/.exec(String(page.headers.link ?? ''))?.[1];
    }
    assert.deepEqual(found.sort(), ['example/sbom', 'example/sbom', 'example/sig']);
    const filtered = await trial.call('GET', `/v2/dev/oras/referrers/${digest}?artifactType=example%2Fsig`);
    assert.equal(JSON.parse(filtered.body.toString()).manifests.length, 1);
    assert.equal(filtered.headers['oci-filters-applied'], 'artifactType');
  });

  test('the referrers tag of registries without that API can be pushed, and what it lists is among the referrers', async () => {
    const { digest, bytes } = await trial.pushImage('dev/fallback', 'v1');
    const subject = { mediaType: OCI_MANIFEST, digest, size: bytes.length };
    const artifact = await trial.pushImage('dev/fallback', 'sig', { subject, artifactType: 'example/sig' });
    const listed = { mediaType: OCI_MANIFEST, digest: artifact.digest, size: artifact.bytes.length };
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [listed] };
    const tag = digest.replace(':', '-');
    assert.equal((await put('dev/fallback', tag, index, OCI_INDEX)).status, 201);
    assert.equal((await trial.call('GET', `/v2/dev/fallback/manifests/${tag}`)).status, 200);
    const reply = await trial.call('GET', `/v2/dev/fallback/referrers/${digest}`);
    const { manifests } = JSON.parse(reply.body.toString()) as { manifests: { digest: string }[] };
    assert.deepEqual(
      manifests.map((each) => each.digest),
      [artifact.digest],
    );
  });
});

suite('BuildKit', () => {
  test('a cache is an index whose children are layers; media types that nobody knows are kept', async () => {
    const layer = await descriptor('dev/cache', OCI_LAYER, 'a cached layer');
    const config = await descriptor('dev/cache', 'application/vnd.buildkit.cacheconfig.v0', '{"layers":[]}');
    const cache = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [layer, config] };
    const pushed = await put('dev/cache', 'cache', cache, OCI_INDEX);
    assert.equal(pushed.status, 201, pushed.body.toString());
    const pulled = await trial.call('GET', '/v2/dev/cache/manifests/cache');
    assert.equal(pulled.body.toString(), JSON.stringify(cache));
    const image = await findImage(trial.services, String(pushed.headers['docker-content-digest']));
    assert.deepEqual(
      image?.dockerImageManifests?.map(({ os }) => os),
      ['unknown', 'unknown'],
    );
  });
});

suite('Helm and other artifacts', () => {
  test('a chart is an Image too: its layers with their media types, and no metadata of Docker', async () => {
    const type = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';
    const config = await descriptor(
      'dev/chart',
      'application/vnd.cncf.helm.config.v1+json',
      '{"name":"chart","version":"1.0.0"}',
    );
    const chart = await descriptor('dev/chart', type, 'a chart');
    const pushed = await put('dev/chart', '1.0.0', { schemaVersion: 2, config, layers: [chart] });
    assert.equal(pushed.status, 201, pushed.body.toString());
    const image = await findImage(trial.services, String(pushed.headers['docker-content-digest']));
    assert.deepEqual(image?.dockerImageLayers, [{ name: digestOf('a chart'), size: 7, mediaType: type }]);
    const metadata = image?.dockerImageMetadata as { readonly Config?: unknown; readonly Architecture?: string };
    assert.equal(metadata.Config, undefined);
    assert.equal(metadata.Architecture, undefined);
  });
});

suite('others', () => {
  test("OpenShift's own tests add &digest= to the Location as it is", async () => {
    const digest = digestOf('as it is');
    const reply = await trial.call('PUT', `${await begin('dev/openshift')}&digest=${digest}`, { body: 'as it is' });
    assert.equal(reply.status, 201);
  });

  test("Apple's containerization begins anew in the same session: 416, and it can go on where the upload stands", async () => {
    const location = await begin('dev/apple');
    const part = (range: string, body: string) =>
      trial.call('PATCH', location, { headers: { ...OCTETS, 'Content-Range': range }, body });
    assert.equal((await part('0-4', 'first')).status, 202);
    const again = await part('0-4', 'first');
    assert.equal(again.status, 416);
    assert.equal(again.headers.range, '0-4');
    assert.equal((await part('5-9', 'after')).status, 202);
    const digest = digestOf('firstafter');
    assert.equal((await trial.call('PUT', `${location}&digest=${digest}`)).status, 201);
  });

  test('mirrors push an index without the platforms that they do not want', async () => {
    const child = { mediaType: OCI_MANIFEST, digest: digestOf('another platform'), size: 16 };
    const platform = { architecture: 's390x', os: 'linux' };
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ ...child, platform }] };
    assert.equal((await put('dev/mirror', 'sparse', index, OCI_INDEX)).status, 201);
    assert.equal((await trial.call('GET', `/v2/dev/mirror/manifests/${child.digest}`)).code, 'MANIFEST_UNKNOWN');
  });
});
