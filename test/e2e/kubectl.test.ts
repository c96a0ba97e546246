/** Looking at images with kubectl, as a newcomer types it. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { digestOf } from '../../src/image/digest.ts';
import { CONTENT, filesOf, type Images, makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { ownHome, run, succeed, temporaryFolder } from '../program.ts';
import { askRegistry, putManifest, type Registry, uploadWhole } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';
import { type TinyImage, tinyImage } from '../tinyimage.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let images: Images;
let registry: Registry;
let kubectl: Kubectl;
const env = ownHome();

before(async () => {
  server = await startServer();
  registry = { url: server.registryUrl, token: server.token };
  images = makeImages(env);
  kubectl = kubectlFor(server, env);
  await push(await images.image('1.0'), 'demo/app:1.0');
});
after(async () => {
  await server?.kill();
});

async function push(source: string, reference: string, ...flags: string[]): Promise<void> {
  const args = ['copy', '--dest-tls-verify=false', '--dest-creds', `admin:${server.token}`, ...flags];
  await succeed(part('skopeo'), [...args, source, `docker://${server.registry}/${reference}`], { env });
}

/** The manifest of a local source, and what it says. */
async function manifestOf(source: string): Promise<{ readonly digest: string; readonly content: ImageManifest }> {
  const folder = temporaryFolder();
  await succeed(part('skopeo'), ['copy', source, `dir:${folder}`], { env });
  const bytes = filesOf(folder).get('manifest.json') ?? Buffer.alloc(0);
  return { digest: digestOf(bytes), content: JSON.parse(bytes.toString()) };
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface ImageManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

async function pushTiny(image: TinyImage, repository: string, reference: string): Promise<void> {
  for (const blob of image.blobs) await uploadWhole(registry, repository, blob);
  await putManifest(registry, repository, reference, image.manifest, image.mediaType);
}

const hex = (digest: string): string => digest.slice('sha256:'.length);

suite('what kubectl get prints', () => {
  test('streams: name, repository, tags and age', async () => {
    const [header, row, ...more] = await kubectl.table('get', 'imagestreams', '-n', 'demo', 'app');
    assert.deepEqual(header, ['NAME', 'IMAGE REPOSITORY', 'TAGS', 'UPDATED']);
    assert.deepEqual(row?.slice(0, 3), ['app', `${server.registry}/demo/app`, '1.0']);
    assert.match(row?.[3] ?? '', /^(Less than a|About a|\d+) \w+( ago)?/);
    assert.deepEqual(more, []);
  });

  test('an image of a stream by a short digest: its short name and age; with -o wide also where it is', async () => {
    const { digest } = await manifestOf(await images.image('1.0'));
    const short = digest.slice(0, 'sha256:'.length + 8);
    const [header, row] = await kubectl.table('get', 'isimage', '-n', 'demo', `app@${short}`);
    assert.deepEqual(header, ['NAME', 'UPDATED']);
    assert.equal(row?.[0], `app@${short}`);
    const [wideHeader, wideRow] = await kubectl.table('get', 'isimage', '-n', 'demo', `app@${short}`, '-o', 'wide');
    assert.deepEqual(wideHeader, ['NAME', 'UPDATED', 'IMAGE REFERENCE', 'IMAGE NAME']);
    assert.deepEqual(wideRow?.slice(2), [`${server.registry}/demo/app@${digest}`, digest]);
  });

  test('tags, as istag and as itag', async () => {
    const [istagHeader, istag] = await kubectl.table('get', 'istag', '-n', 'demo', 'app:1.0');
    assert.deepEqual(istagHeader, ['NAME', 'IMAGE REFERENCE', 'UPDATED']);
    assert.equal(istag?.[0], 'app:1.0');
    const [itagHeader, itag] = await kubectl.table('get', 'itag', '-n', 'demo', 'app:1.0');
    assert.deepEqual(itagHeader, ['NAME', 'SPEC', 'STATUS', 'HISTORY', 'UPDATED']);
    assert.deepEqual([itag?.[0], itag?.[1], itag?.[3]], ['app:1.0', 'Push', '1']);
  });

  test('images: name and reference', async () => {
    const { digest } = await manifestOf(await images.image('1.0'));
    const [header, row] = await kubectl.table('get', 'images', digest);
    assert.deepEqual(header, ['NAME', 'IMAGE REFERENCE']);
    assert.deepEqual(row, [digest, `${server.registry}/demo/app@${digest}`]);
  });

  test('the same for the user with a client certificate', async () => {
    const contexts = (await kubectl('config', 'get-contexts', '-o', 'name')).trim().split('\n');
    assert.equal(contexts.length, 2);
    for (const context of contexts) {
      const [, row] = await kubectl.table('--context', context, 'get', 'is', '-n', 'demo', 'app');
      assert.equal(row?.[0], 'app', context);
    }
  });

  test('-w shows a push from another process', async () => {
    await using watch = kubectl.follow('get', 'is', '-n', 'demo', 'app', '-w');
    await watch.until(/^app .* 1\.0 /m);
    await push(await images.image('1.1'), 'demo/app:1.1');
    await watch.until(/^app .* 1\.1,1\.0 |^app .* 1\.0,1\.1 /m);
  });

  test('-w ends without an error when the server is stopped', async () => {
    await using stopping = await startServer();
    await using watch = kubectlFor(stopping, env).follow('get', 'ns', '-w');
    await watch.until(/^default /m);
    assert.equal(await stopping.stop(), 0);
    assert.equal(await watch.ended(), 0);
  });
});

suite('an image of a stream', () => {
  const whole = async (name: string, namespace = 'demo'): Promise<StreamImage> =>
    (await kubectl.json('get', 'isimage', '-n', namespace, name)) as StreamImage;

  for (const form of ['oci', 'docker'] as const) {
    test(`tells everything of the image (${form})`, async () => {
      const source = await images.image('1.0', form);
      await push(source, `demo/whole-${form}:1.0`);
      const { digest, content } = await manifestOf(source);
      const isimage = await whole(`whole-${form}@${digest}`);
      assert.equal(isimage.kind, 'ImageStreamImage');
      assert.equal(isimage.apiVersion, 'image.openshift.io/v1');
      assert.equal(isimage.metadata.name, `whole-${form}@${digest}`);
      const { image } = isimage;
      assert.equal(image.metadata.name, digest);
      assert.equal(image.metadata.annotations?.['openshift.io/image.managed'], 'true');
      assert.equal(image.metadata.annotations?.['image.openshift.io/dockerLayersOrder'], 'ascending');
      // An Image keeps the reference of its first push, which may have been to another stream.
      assert.ok(image.dockerImageReference.endsWith(`@${digest}`));
      assert.deepEqual(
        image.dockerImageLayers,
        content.layers.map(({ digest: name, size, mediaType }) => ({ name, size, mediaType })),
      );
      assert.equal(image.dockerImageLayers.length, CONTENT.layers);
      const type = { oci: 'application/vnd.oci.image', docker: 'application/vnd.docker.distribution' }[form];
      assert.match(image.dockerImageManifestMediaType, new RegExp(`^${type}\\.manifest\\.v`));
      assert.equal(image.dockerImageMetadataVersion, '1.0');
      // As in OpenShift, the texts of manifest and config are left out here.
      assert.ok(!image.dockerImageManifest && !image.dockerImageConfig);
      assertMetadata(image.dockerImageMetadata, content);
    });
  }

  test('tells the images of an index, each of which can be looked at too', async () => {
    await push(await images.index(), 'demo/multi:1.0', '--all');
    const tag = (await kubectl.json('get', 'istag', '-n', 'demo', 'multi:1.0')) as StreamImage;
    const { image } = await whole(`multi@${tag.image.metadata.name}`);
    const children = image.dockerImageManifests ?? [];
    assert.deepEqual(
      children.map(({ os, architecture }) => `${os}/${architecture}`),
      ['linux/amd64', 'linux/arm64'],
    );
    for (const { digest, architecture, mediaType, manifestSize } of children) {
      const child = (await whole(`multi@${digest}`)).image;
      assert.equal(child.metadata.name, digest);
      assert.equal(child.dockerImageMetadata.Architecture, architecture);
      assert.equal(child.dockerImageManifestMediaType, mediaType);
      const pulled = await askRegistry(registry, `demo/multi/manifests/${digest}`);
      assert.equal(pulled.body.length, manifestSize);
    }
  });

  test('is found by any beginning of its digest; of several that fit, the smallest is meant', async () => {
    const [one, two] = twins();
    await pushTiny(one, 'demo/twins', 'one');
    await pushTiny(two, 'demo/twins', 'two');
    const both = sharedStart(one.digest, two.digest);
    for (const { digest } of [one, two]) {
      const unique = digest.slice(0, both.length + 1);
      for (const id of [digest, unique, hex(unique), hex(digest)]) {
        assert.equal((await whole(`twins@${id}`)).image.metadata.name, digest, id);
      }
    }
    const smallest = [one.digest, two.digest].sort()[0];
    assert.equal((await whole(`twins@${both}`)).image.metadata.name, smallest);
  });

  test('stays when its tag is pushed again, and the tag keeps the history', async () => {
    for (const version of ['1.0', '1.1', '1.0']) await push(await images.image(version), 'demo/history:stable');
    const first = (await manifestOf(await images.image('1.0'))).digest;
    const second = (await manifestOf(await images.image('1.1'))).digest;
    const stream = (await kubectl.json('get', 'is', '-n', 'demo', 'history')) as Stream;
    assert.deepEqual(
      stream.status.tags?.map(({ tag, items }) => [tag, items.map(({ image }) => image)]),
      [['stable', [first, second, first]]],
    );
    for (const digest of [first, second]) assert.equal((await whole(`history@${digest}`)).image.metadata.name, digest);
    const [, row] = await kubectl.table('get', 'itag', '-n', 'demo', 'history:stable');
    assert.equal(row?.[3], '3');
  });

  test('is NotFound in a stream that never had it', async () => {
    await pushTiny(tinyImage('stranger'), 'demo/elsewhere', 'v1');
    const { digest } = tinyImage('stranger');
    assert.match(await kubectl.fails('get', 'isimage', '-n', 'demo', `app@${digest}`), /\(NotFound\).*not found/);
    assert.match(await kubectl.fails('get', 'isimage', '-n', 'demo', `nosuch@${digest}`), /\(NotFound\).*not found/);
    assert.match(
      await kubectl.fails('get', 'isimage', '-n', 'nosuch', `app@${digest}`),
      /namespaces "nosuch" not found/,
    );
    assert.match(await kubectl.fails('get', 'isimage', '-n', 'demo', 'app'), /<name>@<id>/);
  });
});

suite('who may look', () => {
  test('a wrong token is told to log in', async () => {
    assert.match(await kubectl.fails('--token', 'wrong', 'get', 'is'), /logged in to the server|Unauthorized/);
  });

  test('nobody without a credential sees anything', async () => {
    const credentials = ['--kubeconfig', '/dev/null', '--server', server.apiUrl, '--insecure-skip-tls-verify'];
    const { code, stdout, stderr } = await run(part('kubectl'), [...credentials, 'get', 'is', '-A'], { env });
    assert.notEqual(code, 0);
    // kubectl asks for a name and a password when it is told to authenticate.
    assert.match(stdout + stderr, /forbidden|Username/);
  });
});

function assertMetadata(
  metadata: StreamImage['image']['dockerImageMetadata'],
  { config, layers }: ImageManifest,
): void {
  assert.equal(metadata.kind, 'DockerImage');
  assert.equal(metadata.Id, config.digest);
  assert.equal(metadata.Created, CONTENT.created);
  assert.equal(metadata.Architecture, 'amd64');
  assert.equal(
    metadata.Size,
    layers.reduce((sum, { size }) => sum + size, config.size),
  );
  const { Config } = metadata;
  assert.deepEqual(Config.Env, CONTENT.env);
  assert.deepEqual(Config.Entrypoint, CONTENT.entrypoint);
  assert.deepEqual(Config.Cmd, CONTENT.cmd);
  assert.deepEqual(Object.keys(Config.ExposedPorts), CONTENT.ports);
  assert.deepEqual(Object.keys(Config.Volumes), [CONTENT.volume]);
  assert.equal(Config.WorkingDir, CONTENT.workingDir);
  assert.equal(Config.User, CONTENT.user);
  for (const [name, value] of Object.entries(CONTENT.labels)) assert.equal(Config.Labels[name], value);
}

/** Two images whose digests begin with the same two digits and differ in the third. */
function twins(): [TinyImage, TinyImage] {
  const seen = new Map<string, TinyImage>();
  for (let seed = 0; ; seed += 1) {
    const image = tinyImage(`twin ${seed}`);
    const start = image.digest.slice(0, 'sha256:'.length + 2);
    const other = seen.get(start);
    if (other && sharedStart(other.digest, image.digest) === start) return [other, image];
    seen.set(start, image);
  }
}

function sharedStart(one: string, two: string): string {
  let length = 0;
  while (one[length] === two[length]) length += 1;
  return one.slice(0, length);
}

interface Stream {
  readonly status: {
    readonly tags?: readonly { readonly tag: string; readonly items: readonly { readonly image: string }[] }[];
  };
}

interface StreamImage {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string };
  readonly image: {
    readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
    readonly dockerImageReference: string;
    readonly dockerImageLayers: readonly { name: string; size: number; mediaType: string }[];
    readonly dockerImageManifests?: readonly {
      readonly digest: string;
      readonly os: string;
      readonly architecture: string;
      readonly mediaType: string;
      readonly manifestSize: number;
    }[];
    readonly dockerImageManifestMediaType: string;
    readonly dockerImageMetadataVersion: string;
    readonly dockerImageManifest?: string;
    readonly dockerImageConfig?: string;
    readonly dockerImageMetadata: {
      readonly kind: string;
      readonly Id: string;
      readonly Created: string;
      readonly Architecture: string;
      readonly Size: number;
      readonly Config: {
        readonly Env: readonly string[];
        readonly Entrypoint: readonly string[];
        readonly Cmd: readonly string[];
        readonly ExposedPorts: object;
        readonly Volumes: object;
        readonly WorkingDir: string;
        readonly User: string;
        readonly Labels: Readonly<Record<string, string>>;
      };
    };
  };
}
