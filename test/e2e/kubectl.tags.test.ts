/**
 * Tags of an image stream as people change them with kubectl, as imagestreamtags and imagetags. They are views of the
 * stream, and say so in OpenShift's words where they cannot be changed: its own server gives the same answers.
 */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { part } from '../parts.ts';
import { ownHome, run, temporaryFolder } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

const DIGEST = 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const API = 'image.openshift.io/v1';
const MEANT = 'may not update fields other than';

let server: TestServer;
let plain: Kubectl;
const env = ownHome();
const folder = temporaryFolder();
let count = 0;
let namespace = '';

before(async () => {
  server = await startServer();
  plain = kubectlFor(server, env);
});
after(async () => {
  await server?.kill();
});
/** A stream with a tag to be imported and one that was pushed, in a namespace of its own. */
beforeEach(async () => {
  count += 1;
  namespace = `tags-${count}`;
  await plain('create', 'namespace', namespace);
  const metadata = { name: 'app', namespace, labels: { a: 'b' } };
  const tags = [{ name: 'one', from: { kind: 'DockerImage', name: 'r.test/one' } }];
  const image = { metadata: { name: DIGEST }, dockerImageReference: `r.test/a@${DIGEST}` };
  await plain.given({ apiVersion: API, kind: 'ImageStream', metadata, spec: { tags } }, 'create', '-f', '-');
  const mapping = { apiVersion: API, kind: 'ImageStreamMapping', metadata, tag: 'v1', image };
  await plain.given(mapping, 'create', '-f', '-');
});

const kubectl = (...args: string[]): Promise<string> => plain('-n', namespace, ...args);
const refused = (...args: string[]): Promise<string> => plain.fails('-n', namespace, ...args);
const at = async (name: string, path: string): Promise<string> => kubectl('get', name, '-o', `jsonpath={${path}}`);

/** A file with an imagestreamtag that takes its image from another tag. */
function istag(name: string, from: string): string {
  const path = join(folder, `${name}.json`);
  const tag = { name, from: { kind: 'ImageStreamTag', name: from } };
  writeFileSync(
    path,
    JSON.stringify({ apiVersion: API, kind: 'ImageStreamTag', metadata: { name: `app:${name}` }, tag }),
  );
  return path;
}

suite('imagestreamtags', () => {
  test('apply makes and changes one; diff tells beforehand', async () => {
    const first = istag('prod', 'v1');
    assert.match(await kubectl('apply', '-f', first), /imagestreamtag\.image\.openshift\.io\/app:prod created/);
    assert.equal(await at('istag/app:prod', '.image.metadata.name'), DIGEST);
    // What a creation says in metadata.annotations is lost, so that kubectl has to write it once more.
    assert.match(await kubectl('apply', '-f', first), / configured/);
    assert.match(await kubectl('apply', '-f', first), / unchanged/);
    const second = istag('prod', 'one');
    const options = { env: { ...env, KUBECONFIG: server.kubeconfig } };
    const diff = await run(part('kubectl'), ['-n', namespace, 'diff', '-f', second], options);
    assert.equal(diff.code, 1, diff.stderr);
    assert.match(diff.stdout, /^-\s+name: v1\n(.*\n)*\+\s+name: one$/m);
    assert.match(await kubectl('apply', '-f', second), / configured/);
    assert.equal(await at('istag/app:prod', '.tag.from.name'), 'one');
  });

  test('apply on the server does not work, since nobody manages its fields', async () => {
    const file = istag('prod', 'v1');
    await kubectl('create', '-f', file);
    assert.match(await refused('apply', '--server-side', '-f', file), new RegExp(`${MEANT} metadata\\.annotations`));
  });

  test('patches of all types, annotate and edit change it; label is for the stream', async () => {
    await kubectl('create', '-f', istag('prod', 'v1'));
    const patch = (type: string, body: object): Promise<string> =>
      kubectl('patch', 'istag', 'app:prod', '--type', type, '-p', JSON.stringify(body));
    assert.match(await patch('merge', { tag: { reference: true } }), / patched\n/);
    assert.match(await patch('json', [{ op: 'replace', path: '/tag/reference', value: false }]), / patched\n/);
    assert.match(await patch('strategic', { tag: { importPolicy: { insecure: true } } }), / patched\n/);
    assert.match(await patch('merge', { tag: { reference: false } }), /\(no change\)/);
    assert.match(await kubectl('annotate', 'istag', 'app:prod', 'x=y'), / annotated/);
    const editor = join(folder, 'editor.sh');
    writeFileSync(editor, '#!/bin/sh\nsed -i "s/insecure: true/insecure: false/" "$1"\n');
    chmodSync(editor, 0o755);
    const options = { env: { ...env, KUBECONFIG: server.kubeconfig, KUBE_EDITOR: editor } };
    const edited = await run(part('kubectl'), ['-n', namespace, 'edit', 'istag', 'app:prod'], options);
    assert.match(edited.stdout, / edited/, edited.stderr);
    assert.equal(await at('is/app', '.spec.tags[?(@.name=="prod")].annotations.x'), 'y');
    assert.equal(await at('is/app', '.spec.tags[?(@.name=="prod")].importPolicy.insecure'), '');
    assert.match(await refused('label', 'istag', 'app:prod', 'x=y'), new RegExp(`${MEANT} metadata\\.annotations`));
  });

  test('one that was only pushed has no place to write to', async () => {
    assert.match(await refused('annotate', 'istag', 'app:v1', 'x=y'), /imagestreamtag v1 is not a spec tag/);
  });

  test('delete takes it away; there is nothing to watch', async () => {
    await kubectl('create', '-f', istag('prod', 'v1'));
    assert.match(await refused('get', 'istag', 'app:prod', '-w'), /watch is not supported on resources of kind/);
    assert.match(await kubectl('delete', 'istag', 'app:prod'), / deleted/);
    assert.match(await refused('delete', 'istag', 'app:prod'), /\(NotFound\)/);
    assert.equal(await at('is/app', '.spec.tags[*].name'), 'one');
  });
});

suite('imagetags', () => {
  test('tell of tags in spec and in status', async () => {
    const rows = await plain.table('-n', namespace, 'get', 'itag', '--no-headers');
    assert.deepEqual(
      rows.map(([name, spec, status]) => [name, spec, status]),
      [
        ['app:one', 'Tag', 'r.test/one'],
        ['app:v1', 'Push', `image/${DIGEST}`],
      ],
    );
  });

  test('of a stream whose fields are managed are made and deleted, not changed', async () => {
    const spec = { name: 'test', from: { kind: 'ImageStreamTag', name: 'v1' } };
    const itag = { apiVersion: API, kind: 'ImageTag', metadata: { name: 'app:test', namespace }, spec };
    assert.match(await plain.given(itag, 'create', '-f', '-'), / created/);
    const patch = JSON.stringify({ spec: { from: { name: 'one' } } });
    const words = new RegExp(`${MEANT} spec`);
    assert.match(await refused('patch', 'itag', 'app:test', '--type', 'merge', '-p', patch), words);
    assert.match(await refused('annotate', 'itag', 'app:test', 'x=y'), words);
    assert.match(await kubectl('delete', 'itag', 'app:test'), / deleted/);
  });

  test('of a stream that a tag made can be changed', async () => {
    const spec = { name: 'test', from: { kind: 'DockerImage', name: 'r.test/a' } };
    const itag = { apiVersion: API, kind: 'ImageTag', metadata: { name: 'free:test', namespace }, spec };
    assert.match(await plain.given(itag, 'create', '-f', '-'), / created/);
    const patch = JSON.stringify({ spec: { from: { name: 'r.test/b' } } });
    assert.match(await kubectl('patch', 'itag', 'free:test', '--type', 'merge', '-p', patch), / patched/);
    assert.equal(await at('is/free', '.spec.tags[0].from.name'), 'r.test/b');
  });
});

test('an imagestreamimage is read by the whole digest or its beginning', async () => {
  for (const id of [DIGEST, '9f86d08']) {
    assert.match(await kubectl('get', 'isimage', `app@${id}`), new RegExp(`^app@${id} `, 'm'));
    assert.equal(await at(`isimage/app@${id}`, '.image.metadata.name'), DIGEST);
  }
  assert.match(await refused('get', 'isimage'), /could not find the requested resource/);
});
