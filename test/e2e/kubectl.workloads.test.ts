/** Kinds that belong to workloads, kept for charts and clients, and what goes with a workload when it is deleted. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ownHome } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let kubectl: Kubectl;

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, ownHome());
  await kubectl('create', 'deployment', 'web', '--image=r.test/team/web:1', '--replicas=2');
});
after(async () => {
  await server?.kill();
});

suite('beside workloads', () => {
  test('autoscalers, budgets and network policies are kept, listed and explained', async () => {
    const target = { type: 'Utilization', averageUtilization: 50 };
    const autoscaler = {
      kind: 'HorizontalPodAutoscaler',
      apiVersion: 'autoscaling/v2',
      metadata: { name: 'web' },
      spec: {
        scaleTargetRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'web' },
        minReplicas: 2,
        maxReplicas: 5,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }],
      },
    };
    assert.match(await kubectl.given(autoscaler, 'create', '-f', '-'), /web created/);
    await kubectl('create', 'poddisruptionbudget', 'web', '--selector=app=web', '--min-available=1');
    const policy = {
      kind: 'NetworkPolicy',
      apiVersion: 'networking.k8s.io/v1',
      metadata: { name: 'web' },
      spec: {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
      },
    };
    await kubectl.given(policy, 'apply', '--server-side', '-f', '-');
    assert.deepEqual((await kubectl.table('get', 'hpa'))[1]?.slice(0, 3), [
      'web',
      'Deployment/web',
      'resource: <unknown>',
    ]);
    assert.deepEqual((await kubectl.table('get', 'pdb'))[1]?.slice(0, 4), ['web', '1', 'N/A', '0']);
    assert.deepEqual((await kubectl.table('get', 'netpol'))[1]?.slice(0, 2), ['web', 'app=web']);
    const metrics = '{.spec.metrics[0].resource.target.averageUtilization}';
    assert.equal(await kubectl('get', 'hpa', 'web', '-o', `jsonpath=${metrics}`), '50');
    assert.match(await kubectl('explain', 'hpa.spec.metrics.resource'), /KIND: +HorizontalPodAutoscaler/);
    const both = {
      kind: 'PodDisruptionBudget',
      apiVersion: 'policy/v1',
      metadata: { name: 'both' },
      spec: { minAvailable: 1, maxUnavailable: 1 },
    };
    await assert.rejects(
      kubectl.given(both, 'create', '-f', '-'),
      /minAvailable and maxUnavailable cannot be both set/,
    );
  });

  test('classes, slices of endpoints and revisions are kept, listed and explained', async () => {
    const objects = [
      { kind: 'StorageClass', apiVersion: 'storage.k8s.io/v1', provisioner: 'example.test/disks' },
      { kind: 'IngressClass', apiVersion: 'networking.k8s.io/v1', spec: { controller: 'example.test/routes' } },
      { kind: 'RuntimeClass', apiVersion: 'node.k8s.io/v1', handler: 'small' },
      {
        kind: 'EndpointSlice',
        apiVersion: 'discovery.k8s.io/v1',
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.1.2.3'] }, { addresses: ['10.1.2.4'] }],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      },
      { kind: 'ControllerRevision', apiVersion: 'apps/v1', revision: 3, data: { spec: { replicas: 2 } } },
    ];
    for (const object of objects) {
      const named = { ...object, metadata: { name: 'kept' } };
      assert.match(await kubectl.given(named, 'apply', '-f', '-'), /kept created/);
      assert.match(await kubectl.given(named, 'apply', '-f', '-'), /kept unchanged/);
    }
    // This one kubectl writes itself, as protobuf.
    assert.match(await kubectl('create', 'priorityclass', 'kept', '--value=7'), /kept created/);
    const row = async (resource: string): Promise<string> =>
      (await kubectl('get', resource, 'kept', '--no-headers')).replaceAll(/ {2,}/g, ' ');
    assert.match(await row('sc'), /^kept example\.test\/disks Delete Immediate false /);
    assert.match(await row('ingressclass'), /^kept example\.test\/routes <none> /);
    assert.match(await row('runtimeclass'), /^kept small /);
    assert.match(await row('endpointslice'), /^kept IPv4 80 10\.1\.2\.3,10\.1\.2\.4 /);
    assert.match(await row('controllerrevision'), /^kept <none> 3 /);
    assert.match(await row('pc'), /^kept 7 false .* PreemptLowerPriority\n$/);
    assert.equal(await kubectl('get', 'controllerrevision', 'kept', '-o', 'jsonpath={.data.spec.replicas}'), '2');
    assert.match(await kubectl('explain', 'endpointslice.endpoints.conditions.ready'), /Whether it can answer/);
    const other = { ...objects[0], metadata: { name: 'kept' }, provisioner: 'example.test/others' };
    assert.match(await kubectl.refuses(other, 'apply', '-f', '-'), /provisioner: .*field is immutable/);
    assert.match(await kubectl.fails('patch', 'pc', 'kept', '-p', '{"value":8}'), /value: .*field is immutable/);
  });

  test('volumes of the cluster, and what their drivers say, are kept and listed', async () => {
    const storage = 'storage.k8s.io/v1';
    const source = { persistentVolumeName: 'kept' };
    const volume = {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      csi: { driver: 'example.test', volumeHandle: 'one' },
    };
    const objects = [
      { kind: 'PersistentVolume', apiVersion: 'v1', spec: volume },
      { kind: 'CSIDriver', apiVersion: storage, spec: { volumeLifecycleModes: ['Persistent'] } },
      { kind: 'CSINode', apiVersion: storage, spec: { drivers: [{ name: 'example.test', nodeID: 'n1' }] } },
      { kind: 'CSIStorageCapacity', apiVersion: storage, storageClassName: 'fast', capacity: '5Gi' },
      { kind: 'VolumeAttachment', apiVersion: storage, spec: { attacher: 'example.test', nodeName: 'n1', source } },
    ];
    for (const object of objects) {
      const named = { ...object, metadata: { name: 'kept' } };
      assert.match(await kubectl.given(named, 'apply', '-f', '-'), /kept created/);
      assert.match(await kubectl.given(named, 'apply', '-f', '-'), /kept unchanged/);
    }
    const row = async (resource: string): Promise<string> =>
      (await kubectl('get', resource, 'kept', '--no-headers')).replaceAll(/ {2,}/g, ' ');
    assert.match(await row('pv'), /^kept 1Gi ReadWriteOnce Retain Pending /);
    assert.match(await row('csidriver'), /^kept true false false Persistent /);
    assert.match(await row('csinode'), /^kept 1 /);
    assert.match(await row('csistoragecapacity'), /^kept fast 5Gi/);
    assert.match(await row('volumeattachment'), /^kept example\.test kept n1 false /);
    const attached = ['--subresource=status', '--type=merge', '-p', '{"status":{"attached":true}}'];
    await kubectl('patch', 'volumeattachment', 'kept', ...attached);
    assert.match(await row('volumeattachment'), /^kept example\.test kept n1 true /);
    await kubectl('delete', 'pv,csidriver,csinode,csistoragecapacity,volumeattachment', 'kept');
  });

  test('a node is what somebody writes down, cordoned and tainted like any', async () => {
    const node = {
      kind: 'Node',
      apiVersion: 'v1',
      metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/worker': '' } },
      status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: { kubeletVersion: 'v1.37.0' } },
    };
    assert.match(await kubectl.given(node, 'create', '-f', '-'), /n1 created/);
    const row = async (): Promise<string> =>
      (await kubectl('get', 'node', 'n1', '--no-headers')).replaceAll(/ +/g, ' ');
    assert.match(await row(), /^n1 Ready worker \S+ v1\.37\.0\n$/);
    await kubectl('cordon', 'n1');
    assert.match(await row(), /^n1 Ready,SchedulingDisabled worker /);
    assert.match(await kubectl('taint', 'node', 'n1', 'a=b:NoSchedule'), /tainted/);
    assert.equal(await kubectl('get', 'nodes', '--field-selector=spec.unschedulable=false', '-o', 'name'), '');
    await kubectl('delete', 'node', 'n1');
  });

  test("OpenShift's deployment configs, build configs and routes are kept and listed", async () => {
    const template = {
      metadata: { labels: { app: 'dc' } },
      spec: { containers: [{ name: 'main', image: 'r.test/a:1' }] },
    };
    const git = { type: 'Git', git: { uri: 'https://git.test/app', ref: 'main' } };
    for (const object of [
      { kind: 'DeploymentConfig', apiVersion: 'apps.openshift.io/v1', spec: { replicas: 2, template } },
      { kind: 'BuildConfig', apiVersion: 'build.openshift.io/v1', spec: { source: git, strategy: { type: 'Docker' } } },
      {
        kind: 'Route',
        apiVersion: 'route.openshift.io/v1',
        spec: { host: 'app.test', to: { kind: 'Service', name: 'web' } },
      },
    ]) {
      await kubectl.given({ ...object, metadata: { name: 'kept' } }, 'create', '-f', '-');
    }
    assert.deepEqual((await kubectl.table('get', 'dc'))[1], ['kept', '0', '2', '0', 'config']);
    assert.equal(
      await kubectl('get', 'dc', 'kept', '-o', 'jsonpath={.spec.selector.app} {.spec.strategy.type}'),
      'dc Rolling',
    );
    assert.deepEqual((await kubectl.table('get', 'bc'))[1], ['kept', 'Docker', 'Git@main', '0']);
    assert.match(await kubectl('get', 'routes.route.openshift.io'), /^kept +app\.test +web +<all> +None$/m);
    assert.match(await kubectl('scale', 'dc', 'kept', '--replicas=3'), /scaled/);
    const bad = {
      kind: 'Route',
      apiVersion: 'route.openshift.io/v1',
      metadata: { name: 'bad' },
      spec: { host: 'a.test' },
    };
    await assert.rejects(kubectl.given(bad, 'create', '-f', '-'), /spec\.to\.name: Required value/);
  });

  test('scale sets the number, and status says how it is', async () => {
    assert.match(await kubectl('scale', 'deployment', 'web', '--replicas=4'), /scaled/);
    assert.match(await kubectl('scale', 'deployment', 'web', '--current-replicas=4', '--replicas=3'), /scaled/);
    assert.match(
      await kubectl.fails('scale', 'deployment', 'web', '--current-replicas=9', '--replicas=1'),
      /Expected replicas to be 9, was 3/,
    );
    const observedGeneration = Number(
      await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={.metadata.generation}'),
    );
    const status = { observedGeneration, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 };
    await kubectl(
      'patch',
      'deployment',
      'web',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    );
    assert.match(await kubectl('rollout', 'status', 'deployment/web', '--timeout=10s'), /successfully rolled out/);
    assert.equal((await kubectl.table('get', 'deployment', 'web'))[1]?.[1], '3/3');
  });
});

suite('what a workload owns', () => {
  /** A replica set of the deployment, and a pod of that. */
  async function owned(name: string): Promise<void> {
    await kubectl('create', 'deployment', name, '--image=r.test/team/web:1');
    const owner = async (resource: string, kind: string, apiVersion: string) => [
      {
        kind,
        apiVersion,
        name,
        uid: await kubectl('get', resource, name, '-o', 'jsonpath={.metadata.uid}'),
        controller: true,
        blockOwnerDeletion: true,
      },
    ];
    const labels = { app: name };
    const spec = { containers: [{ name: 'main', image: 'r.test/team/web:1' }] };
    const set = {
      kind: 'ReplicaSet',
      apiVersion: 'apps/v1',
      metadata: { name, labels, ownerReferences: await owner('deployment', 'Deployment', 'apps/v1') },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    };
    await kubectl.given(set, 'create', '-f', '-');
    const metadata = { name, labels, ownerReferences: await owner('replicaset', 'ReplicaSet', 'apps/v1') };
    await kubectl.given({ kind: 'Pod', apiVersion: 'v1', metadata, spec }, 'create', '-f', '-');
  }
  const left = (name: string): Promise<string> =>
    kubectl('get', 'deployment,replicaset,pod', '-l', `app=${name}`, '-o', 'name');

  test('goes after it in the background, with all that it owns in turn', async () => {
    await owned('back');
    await kubectl('delete', 'deployment', 'back', '--cascade=background');
    await kubectl('wait', '--for=delete', 'pod/back', '--timeout=20s');
    assert.equal(await left('back'), '');
  });

  test('goes before it in the foreground', async () => {
    await owned('fore');
    await kubectl('delete', 'deployment', 'fore', '--cascade=foreground');
    assert.equal(await left('fore'), '');
  });

  test('stays if it is orphaned, and names its owner no more', async () => {
    await owned('orphan');
    await kubectl('delete', 'deployment', 'orphan', '--cascade=orphan');
    assert.equal(await left('orphan'), 'replicaset.apps/orphan\npod/orphan\n');
    assert.equal(await kubectl('get', 'replicaset', 'orphan', '-o', 'jsonpath={.metadata.ownerReferences}'), '');
  });
});
