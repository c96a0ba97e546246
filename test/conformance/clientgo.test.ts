/**
 * What programs do with client-go and OpenShift's typed clients: a Go program (`clientgo/`) does it, and says of each thing
 * whether it worked. Once with informers that list and then watch, as most programs in use do, once with WatchList.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { part } from '../parts.ts';
import { ownHome, run, succeed } from '../program.ts';
import { startServer } from '../server.ts';

const CHECKS = [
  'image: images, every verb',
  'image: streams, every verb',
  'image: streams, status, layers and secrets',
  'image: streams, server-side apply',
  'image: mappings and stream images',
  'image: stream tags, every verb',
  'image: image tags, every verb',
  'image: imports tell what failed',
  'image: signatures',
  'kube: config maps in protobuf',
  'kube: config maps in JSON',
  'kube: deletions with options in protobuf',
  'kube: namespaces come and go',
  'kube: workloads in protobuf',
  'kube: scale',
  'kube: server-side apply',
  'kube: updates that meet others',
  'kube: service account tokens',
  'kube: access reviews',
  'kube: roles and bindings',
  'informers: image streams',
  'informers: images',
  'informers: config maps of all namespaces',
  'informers: every kind of Kubernetes that is typed',
  'informers: dynamic',
  'informers: metadata only',
  'informers: watches that end are begun again',
  'dynamic: image streams, every verb',
  'dynamic: server-side apply',
  'metadata: read, changed, watched, deleted',
  'discovery: groups and resources, at once and one by one',
  'discovery: what is listed can be listed and watched',
  'discovery: schemas of every group',
  'discovery: version',
  'REST mapper: kinds, resources, short names',
  'tools: leader election on a lease',
  'tools: a watch that outlives its connections',
  'tools: waiting with a watch',
  'tools: lists in pages',
  'tools: events are reported',
];

/** Milliseconds that all checks may take together; they take about ten seconds. */
const TIMEOUT_MS = 180_000;

for (const watchList of ['true', 'false']) {
  test(`client-go finds everything as it should be, WatchList ${watchList}`, async () => {
    await using server = await startServer();
    const env = { ...ownHome(), KUBECONFIG: server.kubeconfig };
    await succeed(part('kubectl'), ['create', 'namespace', 'checks'], { env });
    const settings = { NAMESPACE: 'checks', KUBE_FEATURE_WatchListClient: watchList };
    const { stdout } = await run(part('clientgo'), [], { env: { ...env, ...settings }, timeoutMs: TIMEOUT_MS });
    assert.deepEqual(
      stdout.trimEnd().split('\n'),
      CHECKS.map((name) => `ok ${name}`),
    );
  });
}
