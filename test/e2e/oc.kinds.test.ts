/** Kinds of OpenShift that nothing runs here, kept for `oc`: listed, described, changed, and counted when images are pruned. */
import assert from 'node:assert/strict';
import { putManifest, uploadWhole } from '../registry.ts';
import { tinyImage } from '../tinyimage.ts';
import { ocTest } from './oc.ts';

const from = (name: string): object => ({ kind: 'ImageStreamTag', name });
const container = (image: string): object => ({ name: 'main', image });

ocTest('deployment configs, build configs and routes are kept, and listed with all else', async ({ oc, server }) => {
  await oc`new-project kinds`;
  const registry = { url: server.registryUrl, token: server.token };
  for (const tag of ['1', '2']) {
    const { blobs, manifest, mediaType } = tinyImage(`kinds ${tag}`);
    for (const blob of blobs) await uploadWhole(registry, 'kinds/app', blob);
    await putManifest(registry, 'kinds/app', tag, manifest, mediaType);
  }
  const image = await oc`get istag app:2 -o jsonpath={.image.dockerImageReference}`;
  const template = { metadata: { labels: { app: 'dc' } }, spec: { containers: [container(image)] } };
  const imageChangeParams = { automatic: true, containerNames: ['main'], from: from('app:1') };
  const items = [
    {
      kind: 'DeploymentConfig',
      apiVersion: 'apps.openshift.io/v1',
      metadata: { name: 'dc' },
      spec: { replicas: 2, selector: { app: 'dc' }, template, triggers: [{ type: 'ImageChange', imageChangeParams }] },
    },
    {
      kind: 'BuildConfig',
      apiVersion: 'build.openshift.io/v1',
      metadata: { name: 'bc' },
      spec: {
        source: { type: 'Git', git: { uri: 'https://git.test/app', ref: 'main' } },
        strategy: { type: 'Docker', dockerStrategy: { from: from('app:1') } },
        output: { to: from('built:1') },
        nodeSelector: { disk: 'fast' },
      },
    },
    {
      kind: 'Route',
      apiVersion: 'route.openshift.io/v1',
      metadata: { name: 'web' },
      spec: { host: 'app.test', to: { kind: 'Service', name: 'web' }, tls: { termination: 'edge' } },
    },
  ];
  await oc.given({ kind: 'List', apiVersion: 'v1', items })`create -f -`;
  const all = await oc`get all`;
  assert.match(all, /^deploymentconfig\.apps\.openshift\.io\/dc +0 +2 +0 +image\(app:1\)$/m);
  assert.match(all, /^buildconfig\.build\.openshift\.io\/bc +Docker +Git@main +0$/m);
  assert.match(all, /^route\.route\.openshift\.io\/web +app\.test +web +<all> +edge +None$/m);
  const status = await oc`status`;
  assert.match(status, /dc\/dc deploys/);
  assert.match(status, /bc\/bc docker builds https:\/\/git\.test\/app#main on istag\/app:1/);
  assert.doesNotMatch(await oc`status --suggest`, /Unable to list/);
});

ocTest('they are changed by the commands for them', async ({ oc }) => {
  assert.match(await oc`scale dc/dc --replicas=5`, /scaled/);
  assert.match(await oc`get dc dc`, /^dc +0 +5 +0 /m);
  assert.match(await oc`set triggers dc/dc --from-config`, /triggers updated/);
  assert.match(await oc`get dc dc -o jsonpath={.spec.triggers[*].type}`, /ConfigChange/);
  assert.match(await oc`set triggers bc/bc --from-image=app:2`, /triggers updated/);
  assert.match(await oc`set env bc/bc A=b`, /updated/);
  assert.match(
    await oc`get bc bc -o jsonpath={.spec}`,
    /"nodeSelector":\{"disk":"fast"\}.*"env":\[\{"name":"A","value":"b"\}\]/,
  );
  assert.match(await oc`describe route web`, /Requested Host:\s+app\.test/);
  assert.match(await oc`explain route.spec.tls`, /KIND: +Route/);
  assert.equal(
    await oc`auth can-i create deploymentconfigs.apps.openshift.io --as ann --as-group system:masters`,
    'yes\n',
  );
});

ocTest('deployment configs begin as OpenShift would have them', async ({ oc }) => {
  await oc`create deploymentconfig tools --image=r.test/tools:1`;
  assert.match(await oc`set triggers dc/tools`, /^deploymentconfigs\/tools +config +true$/m);
  assert.match(await oc.fails`set triggers dc/tools --from-github`, /do not support GitHub web hooks/);
  assert.match(await oc`set triggers dc/tools --remove-all`, /updated/);
  assert.match(await oc`set triggers dc/tools`, /^deploymentconfigs\/tools +config +false$/m);
  assert.match(await oc`set triggers dc/tools --auto`, /updated/);
  assert.match(await oc`set triggers dc/tools --from-image=tools:1 -c default-container`, /updated/);
  assert.match(await oc`set triggers dc/tools`, /image +tools:1 \(default-container\) +true$/m);
  await oc`new-build --name=scratch --image=scratch --dockerfile=${'FROM scratch'}`;
  assert.match(await oc`describe bc scratch`, /^Build Run Policy:\tSerial$/m);
  await oc`delete dc/tools bc/scratch`;
});

ocTest('what they use is not pruned', async ({ oc, server }) => {
  const used = await oc`get istag app:2 -o jsonpath={.image.metadata.name}`;
  // It stays in the history of the tag, where only what is used keeps it.
  await oc`tag kinds/app:1 app:2`;
  const pruned =
    await oc`adm prune images --registry-url=http://${server.registry} --keep-younger-than=0s --keep-tag-revisions=1 --force-insecure --confirm`;
  assert.doesNotMatch(pruned, new RegExp(`Deleting image ${used}`));
  await oc`delete dc/dc`;
  const again =
    await oc`adm prune images --registry-url=http://${server.registry} --keep-younger-than=0s --keep-tag-revisions=1 --force-insecure --confirm`;
  assert.match(again, new RegExp(`Deleting image ${used}`));
  assert.match(
    await oc`delete all --all`,
    /buildconfig\.build\.openshift\.io "bc" deleted.*route\.route\.openshift\.io "web" deleted/s,
  );
});
