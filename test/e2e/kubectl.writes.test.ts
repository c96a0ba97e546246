/** Writing with kubectl, and asking it what there is. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { part } from '../parts.ts';
import { ownHome, run, succeed, temporaryFolder } from '../program.ts';
import { askRegistry, putManifest, type Registry, uploadWhole } from '../registry.ts';
import { startServer, type TestServer } from '../server.ts';
import { tinyImage } from '../tinyimage.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let kubectl: Kubectl;
let registry: Registry;
const env = ownHome();

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, env);
  registry = { url: server.registryUrl, token: server.token };
  await kubectl.given(namespace('demo'), 'apply', '-f', '-');
});
after(async () => {
  await server?.kill();
});

const namespace = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

interface Stream {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion: string;
  };
  readonly spec: {
    readonly lookupPolicy?: { readonly local: boolean };
    readonly tags?: readonly { readonly name: string; readonly from?: { readonly name: string } }[];
  };
  readonly status: { readonly dockerImageRepository: string };
}

const tag = (name: string, image: string): object => ({ name, from: { kind: 'DockerImage', name: image } });

const stream = (name: string, ...tags: object[]): object => ({
  apiVersion: 'image.openshift.io/v1',
  kind: 'ImageStream',
  metadata: { name, namespace: 'demo' },
  spec: { lookupPolicy: { local: false }, tags },
});

const get = async (name: string): Promise<Stream> => (await kubectl.json('get', 'is', '-n', 'demo', name)) as Stream;

const tagNames = ({ spec }: Stream): string[] => (spec.tags ?? []).map(({ name }) => name).sort();

suite('writing streams', () => {
  test('create makes one, and says so when it exists already', async () => {
    assert.match(await kubectl.given(stream('made'), 'create', '-f', '-'), /imagestream\S*\/made created/);
    assert.equal((await get('made')).status.dockerImageRepository, `${server.registry}/demo/made`);
    const again = await run(part('kubectl'), ['create', '-f', '-'], {
      env: { ...env, KUBECONFIG: server.kubeconfig },
      input: JSON.stringify(stream('made')),
    });
    assert.match(again.stderr, /\(AlreadyExists\).*"made" already exists/);
  });

  test('create refuses a field that does not exist, and names it', async () => {
    const typo = { ...stream('typo'), spce: {} };
    const refused = await run(part('kubectl'), ['create', '-f', '-'], {
      env: { ...env, KUBECONFIG: server.kubeconfig },
      input: JSON.stringify(typo),
    });
    assert.match(refused.stderr, /unknown field "spce"/);
  });

  test('apply makes, changes, leaves alone, and takes away what it put there, and nothing else', async () => {
    const apply = (content: object): Promise<string> => kubectl.given(content, 'apply', '-f', '-');
    assert.match(await apply(stream('applied', tag('a', 'r.test/a:1'), tag('b', 'r.test/b:1'))), /created/);
    assert.match(await apply(stream('applied', tag('a', 'r.test/a:1'), tag('b', 'r.test/b:1'))), /unchanged/);
    const foreign = JSON.stringify({ spec: { tags: [tag('c', 'r.test/c:1')] } });
    await kubectl('patch', 'is', '-n', 'demo', 'applied', '-p', foreign);
    assert.match(await apply(stream('applied', tag('a', 'r.test/a:2'))), /configured/);
    const applied = await get('applied');
    assert.deepEqual(tagNames(applied), ['a', 'c']);
    assert.equal(applied.spec.tags?.find(({ name }) => name === 'a')?.from?.name, 'r.test/a:2');
  });

  test('apply on the server keeps what another manager has', async () => {
    const apply = (content: object, manager: string): Promise<string> =>
      kubectl.given(content, 'apply', '--server-side', '--field-manager', manager, '-f', '-');
    await apply(stream('shared', tag('a', 'r.test/a:1')), 'one');
    await apply(stream('shared', tag('b', 'r.test/b:1')), 'two');
    assert.deepEqual(tagNames(await get('shared')), ['a', 'b']);
    await apply(stream('shared'), 'one');
    assert.deepEqual(tagNames(await get('shared')), ['b']);
  });

  test('diff tells whether apply would change anything, without changing it', async () => {
    await kubectl.given(stream('compared', tag('a', 'r.test/a:1')), 'apply', '-f', '-');
    const before = await get('compared');
    const diff = async (content: object): Promise<number | null> => {
      const input = JSON.stringify(content);
      const environment = { ...env, KUBECONFIG: server.kubeconfig };
      return (await run(part('kubectl'), ['diff', '-f', '-'], { env: environment, input })).code;
    };
    assert.equal(await diff(stream('compared', tag('a', 'r.test/a:1'))), 0);
    assert.equal(await diff(stream('compared', tag('a', 'r.test/a:2'))), 1);
    assert.deepEqual(await get('compared'), before);
  });

  test('label and annotate add, overwrite only when told to, and remove', async () => {
    await kubectl.given(stream('labelled'), 'create', '-f', '-');
    await kubectl('label', 'is', '-n', 'demo', 'labelled', 'team=one');
    assert.match(await kubectl.fails('label', 'is', '-n', 'demo', 'labelled', 'team=two'), /overwrite/);
    await kubectl('label', 'is', '-n', 'demo', 'labelled', 'team=two', '--overwrite');
    await kubectl('annotate', 'is', '-n', 'demo', 'labelled', 'note=some words');
    const { metadata } = await get('labelled');
    assert.deepEqual(metadata.labels, { team: 'two' });
    assert.equal(metadata.annotations?.note, 'some words');
    assert.match(await kubectl('get', 'is', '-n', 'demo', '-l', 'team=two', '-o', 'name'), /^\S+\/labelled\n$/);
    assert.equal(await kubectl('get', 'is', '-n', 'demo', '-l', 'team=one', '-o', 'name'), '');
    await kubectl('label', 'is', '-n', 'demo', 'labelled', 'team-');
    assert.equal((await get('labelled')).metadata.labels, undefined);
  });

  test('patch takes a merge patch, a JSON patch and a strategic one, which merges tags by name', async () => {
    await kubectl.given(stream('patched', tag('a', 'r.test/a:1')), 'create', '-f', '-');
    const patch = (type: string, content: unknown): Promise<string> =>
      kubectl('patch', 'is', '-n', 'demo', 'patched', '--type', type, '-p', JSON.stringify(content));
    await patch('merge', { spec: { lookupPolicy: { local: true } } });
    assert.equal((await get('patched')).spec.lookupPolicy?.local, true);
    await patch('json', [{ op: 'replace', path: '/spec/lookupPolicy/local', value: false }]);
    assert.equal((await get('patched')).spec.lookupPolicy?.local, false);
    await patch('strategic', { spec: { tags: [tag('b', 'r.test/b:1')] } });
    assert.deepEqual(tagNames(await get('patched')), ['a', 'b']);
    await patch('merge', { spec: { tags: [tag('c', 'r.test/c:1')] } });
    assert.deepEqual(tagNames(await get('patched')), ['c']);
  });

  test('a JSON patch whose test fails changes nothing', async () => {
    await kubectl.given(stream('tested'), 'create', '-f', '-');
    const before = await get('tested');
    const operations = [
      { op: 'add', path: '/metadata/labels', value: { a: 'b' } },
      { op: 'test', path: '/metadata/name', value: 'another' },
    ];
    await kubectl.fails('patch', 'is', '-n', 'demo', 'tested', '--type', 'json', '-p', JSON.stringify(operations));
    assert.deepEqual(await get('tested'), before);
  });

  test('edit changes what the editor changed', async () => {
    await kubectl.given(stream('edited', tag('a', 'r.test/a:1')), 'create', '-f', '-');
    const editor = { ...env, KUBECONFIG: server.kubeconfig, KUBE_EDITOR: 'sed -i s,r.test/a:1,r.test/a:2,' };
    assert.match(await succeed(part('kubectl'), ['edit', 'is', '-n', 'demo', 'edited'], { env: editor }), /edited/);
    assert.equal((await get('edited')).spec.tags?.[0]?.from?.name, 'r.test/a:2');
  });

  test('replace with an old version is a conflict, and the newer write stays', async () => {
    await kubectl.given(stream('contested'), 'create', '-f', '-');
    const old = await get('contested');
    await kubectl('label', 'is', '-n', 'demo', 'contested', 'first=yes');
    const file = join(temporaryFolder(), 'old.json');
    writeFileSync(file, JSON.stringify({ ...old, metadata: { ...old.metadata, labels: { second: 'yes' } } }));
    assert.match(await kubectl.fails('replace', '-f', file), /\(Conflict\)/);
    assert.deepEqual((await get('contested')).metadata.labels, { first: 'yes' });
    const fresh = await get('contested');
    await kubectl.given({ ...fresh, metadata: { ...fresh.metadata, labels: { third: 'yes' } } }, 'replace', '-f', '-');
    assert.deepEqual((await get('contested')).metadata.labels, { third: 'yes' });
  });

  test('a dry run on the server changes nothing', async () => {
    await kubectl.given(stream('dry'), 'create', '--dry-run=server', '-f', '-');
    assert.match(await kubectl.fails('get', 'is', '-n', 'demo', 'dry'), /not found/);
  });
});

suite('deleting', () => {
  const push = async (repository: string, reference: string): Promise<void> => {
    const image = tinyImage(repository);
    for (const blob of image.blobs) await uploadWhole(registry, repository, blob);
    await putManifest(registry, repository, reference, image.manifest, image.mediaType);
  };

  test('delete waits until the stream is gone, with all its tags', async () => {
    await push('demo/doomed', '1.0');
    assert.match(await kubectl('delete', 'is', '-n', 'demo', 'doomed'), /deleted/);
    assert.match(await kubectl.fails('get', 'is', '-n', 'demo', 'doomed'), /\(NotFound\)/);
    assert.match(await kubectl.fails('get', 'istag', '-n', 'demo', 'doomed:1.0'), /\(NotFound\)/);
    assert.equal((await askRegistry(registry, 'demo/doomed/manifests/1.0')).status, 404);
  });

  test('wait --for=delete ends when another deletes', async () => {
    await kubectl.given(stream('awaited'), 'create', '-f', '-');
    await using waiting = kubectl.follow('wait', '--for=delete', 'is/awaited', '-n', 'demo', '--timeout=15s');
    await kubectl('delete', 'is', '-n', 'demo', 'awaited', '--wait=false');
    assert.equal(await waiting.ended(), 0);
  });

  test('a tag can be deleted alone', async () => {
    await push('demo/pruned', '1.0');
    await push('demo/pruned', '2.0');
    await kubectl('delete', 'istag', '-n', 'demo', 'pruned:1.0');
    const [, row] = await kubectl.table('get', 'is', '-n', 'demo', 'pruned');
    assert.equal(row?.[2], '2.0');
    assert.equal((await askRegistry(registry, 'demo/pruned/manifests/1.0')).status, 404);
    assert.equal((await askRegistry(registry, 'demo/pruned/manifests/2.0')).status, 200);
  });

  test('a namespace goes with all that is in it', async () => {
    // This way kubectl sends it as protobuf, and the deletion too.
    assert.match(await kubectl('create', 'namespace', 'leaving'), /namespace\/leaving created/);
    await push('leaving/app', '1.0');
    await kubectl('delete', 'ns', 'leaving');
    assert.match(await kubectl.fails('get', 'ns', 'leaving'), /\(NotFound\)/);
    assert.equal((await askRegistry(registry, 'leaving/app/manifests/1.0')).status, 404);
    assert.equal(await kubectl('get', 'is', '-A', '-o', 'name', '--field-selector', 'metadata.namespace=leaving'), '');
  });

  test('the namespace default cannot be deleted', async () => {
    assert.match(await kubectl.fails('delete', 'ns', 'default'), /forbidden/i);
  });
});

suite('what kubectl can find out', () => {
  test('api-resources lists every kind with its short name', async () => {
    const rows = await kubectl.table(
      'api-resources',
      '--api-group',
      'image.openshift.io',
      '--no-headers',
      '-o',
      'wide',
    );
    const text = rows.map((cells) => cells.join(' ')).join('\n');
    for (const kind of ['imagestreams is', 'imagestreamtags istag', 'imagestreamimages isimage', 'imagetags itag']) {
      assert.match(text, new RegExp(`^${kind} `, 'm'));
    }
    assert.match(text, /^images image\.openshift\.io\/v1 false Image /m);
  });

  test('explain describes fields down to those of a signature', async () => {
    const explained = await kubectl('explain', 'isimage.image.signatures');
    assert.match(explained, /ImageStreamImage/);
    assert.match(explained, /conditions\s+<\[\]SignatureCondition>/);
    const conditions = await kubectl('explain', 'imagestreamimage.image.signatures.conditions');
    assert.match(conditions, /^FIELD: conditions <\[\]SignatureCondition>$/m);
    assert.match(
      conditions,
      /^ {2}type\t<string> -required-\n {4}What was looked at\. Trusted: the signature is genuine/m,
    );
    assert.match(await kubectl('explain', 'limits.spec.limits.max'), /<map\[string\]Quantity>/);
    assert.match(await kubectl('explain', 'is.spec.tags.importPolicy'), /scheduled\s+<boolean>/);
    await kubectl('explain', 'is', '--recursive');
  });

  test('readyz says what was checked', async () => {
    const said = await kubectl('get', '--raw', '/readyz?verbose');
    assert.match(said, /^\[\+\](?:store|etcd) ok$/m);
    assert.match(said, /readyz check passed/);
  });

  test('version tells of a server', async () => {
    assert.match(await kubectl('version'), /Server Version: v1\.\d+\.\d+/);
  });

  test('describe shows a stream', async () => {
    await kubectl.given(stream('described', tag('a', 'r.test/a:1')), 'create', '-f', '-');
    assert.match(await kubectl('describe', 'is', '-n', 'demo', 'described'), /r\.test\/a:1/);
  });

  test('get all lists streams', async () => {
    assert.match(await kubectl('get', 'all', '-n', 'demo'), /^(?:\S+\/)?made /m);
  });
});
