/** Limits, quotas and the list of allowed registries, set and met with kubectl. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ask } from '../http.ts';
import { ownHome } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let kubectl: Kubectl;

before(async () => {
  server = await startServer({ flags: ['--import-registries', 'quay.io,http://*.plain.test'] });
  kubectl = kubectlFor(server, ownHome());
  await kubectl('create', 'namespace', 'paint');
  await kubectl('config', 'set-context', '--current', '--namespace=paint');
});
after(async () => {
  await server?.kill();
});

const stream = (name: string, ...sources: string[]): object => ({
  apiVersion: 'image.openshift.io/v1',
  kind: 'ImageStream',
  metadata: { name },
  spec: { tags: sources.map((source, index) => ({ name: `t${index}`, from: { kind: 'DockerImage', name: source } })) },
});

const limits = (tags: number): object => ({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name: 'images' },
  spec: {
    limits: [
      { type: 'openshift.io/Image', max: { storage: '1024Mi' } },
      { type: 'openshift.io/ImageStream', max: { 'openshift.io/image-tags': tags } },
    ],
  },
});

/** What kubectl says when it fails to make something. */
async function refusedToCreate(object: object): Promise<string> {
  try {
    await kubectl.given(object, 'create', '-f', '-');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('it was created');
}

suite('a quota', () => {
  test('counts what there is, refuses what is too much, and goes down with a deletion', async () => {
    // Beside it there is kube-root-ca.crt, which every namespace has.
    await kubectl('create', 'configmap', 'one');
    await kubectl('create', 'quota', 'few', '--hard=count/configmaps=3,openshift.io/imagestreams=1,pods=5');
    await kubectl('wait', 'quota/few', '--for=jsonpath={.status.used.count/configmaps}=2', '--timeout=20s');
    await kubectl('create', 'configmap', 'two');
    assert.match(
      await kubectl.fails('create', 'configmap', 'three'),
      /configmaps "three" is forbidden: exceeded quota: few, requested: count\/configmaps=1, used: count\/configmaps=3, limited: count\/configmaps=3/,
    );
    const [header, row] = await kubectl.table('get', 'quota', 'few');
    assert.deepEqual(header?.slice(0, 2), ['NAME', 'REQUEST']);
    assert.equal(row?.[1], 'count/configmaps: 3/3, openshift.io/imagestreams: 0/1');
    await kubectl('delete', 'configmap', 'one');
    await kubectl('create', 'configmap', 'three');
    assert.match(await kubectl('describe', 'quota', 'few'), /count\/configmaps +3 +3\n/);
  });

  test('is not exceeded by many who create at once', async () => {
    await kubectl('create', 'quota', 'five', '--hard=count/limitranges=5');
    const create = async (index: number): Promise<number> => {
      const { status } = await ask(new URL('/api/v1/namespaces/paint/limitranges', server.apiUrl), {
        method: 'POST',
        headers: { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' },
        body: Buffer.from(JSON.stringify({ metadata: { name: `many-${index}` }, spec: { limits: [] } })),
        ca: server.ca,
      });
      return status;
    };
    const statuses = await Promise.all(Array.from({ length: 40 }, (_, index) => create(index)));
    assert.equal(statuses.filter((status) => status === 201).length, 5);
    assert.equal(statuses.filter((status) => status === 403).length, 35);
    const used = await kubectl('get', 'quota', 'five', '-o', 'jsonpath={.status.used.count/limitranges}');
    assert.equal(used, '5');
    await kubectl('delete', 'limitranges', '--all');
    await kubectl('delete', 'quota', '--all');
  });
});

suite('a limit range', () => {
  test('is applied, diffed, explained and described, and holds at once', async () => {
    await kubectl.given(limits(1), 'apply', '-f', '-');
    await kubectl.given(limits(1), 'diff', '-f', '-');
    assert.match(await kubectl('describe', 'limits', 'images'), /openshift.io\/Image +storage +- +1Gi/);
    assert.match(await kubectl('explain', 'limits.spec.limits.max'), /The most that one may have/);
    const [header, row] = await kubectl.table('get', 'limits');
    assert.deepEqual([header?.[0], header?.[1], row?.[0]], ['NAME', 'CREATED AT', 'images']);
    await kubectl.given(stream('fits', 'quay.io/a'), 'create', '-f', '-');
    assert.match(
      await refusedToCreate(stream('over', 'quay.io/a', 'quay.io/b')),
      /exceeds the maximum limit per openshift.io\/ImageStream \(2 > 1\)/,
    );
    await kubectl.given(limits(2), 'apply', '-f', '-');
    await kubectl.given(stream('over', 'quay.io/a', 'quay.io/b'), 'create', '-f', '-');
    await kubectl('delete', 'limits', 'images');
  });

  test('that makes no sense is refused with a reason', async () => {
    const wrong = { ...limits(1), spec: { limits: [{ type: 'Container', min: { cpu: '2' }, max: { cpu: '1' } }] } };
    assert.match(
      await refusedToCreate(wrong),
      /spec.limits\[0\].min\[cpu\]: Invalid value: "2": min value 2 is greater than/,
    );
  });
});

test('images come only from the registries that the server allows', async () => {
  await kubectl.given(stream('mine', `${server.registry}/paint/other`, 'quay.io/a'), 'create', '-f', '-');
  assert.match(
    await refusedToCreate(stream('hub', 'busybox')),
    /spec.tags\[t0\].from.name: Forbidden: registry "docker.io:443" not allowed by whitelist: ".*", "quay.io:443", "\*.plain.test:80"/,
  );
});
