/** Images in the registry, applications made of them, and what looks after both, with the real `oc`. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeImages } from '../images.ts';
import { part } from '../parts.ts';
import { ownHome, succeed, temporaryFolder } from '../program.ts';
import { tinyImage } from '../tinyimage.ts';
import { type OcWorld, ocTest } from './oc.ts';

const folder = temporaryFolder();
/** The credentials of commands that speak to the registry itself. */
const auth = join(folder, 'auth.json');
const images = makeImages(ownHome());

/** Pushes real images: two versions of one program. */
async function pushed({ oc, server }: OcWorld): Promise<string> {
  await oc`new-project apps`;
  const env = ownHome();
  for (const version of ['1.0', '2.0']) {
    const to = `docker://${server.registry}/apps/app:${version}`;
    const creds = ['--dest-tls-verify=false', '--dest-creds', `any:${server.token}`];
    await succeed(part('skopeo'), ['copy', ...creds, await images.image(version), to], { env });
  }
  return `${server.registry}/apps`;
}

ocTest('registry login finds the registry and keeps the token for it', async (world) => {
  const { oc, server } = world;
  await pushed(world);
  assert.match(await oc`registry info`, new RegExp(`^${server.registry}$`, 'm'));
  assert.match(await oc`registry login --to=${auth}`, new RegExp(`Saved credentials for ${server.registry}`));
  const [entry] = Object.values(JSON.parse(readFileSync(auth, 'utf8')).auths as Record<string, { auth: string }>);
  assert.equal(Buffer.from(entry?.auth ?? '', 'base64').toString(), `user:${server.token}`);
});

ocTest('images are shown, mirrored, appended to and extracted', async ({ oc, server }) => {
  const at = `${server.registry}/apps`;
  const info = await oc`image info -a ${auth} --insecure ${at}/app:1.0`;
  assert.match(info, /^Digest: +sha256:[0-9a-f]{64}$/m);
  assert.match(info, /^Environment: +PATH=\/bin$/m);
  assert.match(await oc`image info -a ${auth} --insecure ${at}/app:1.0 -o json`, /"name": ".*apps\/app:1\.0"/);
  assert.match(
    await oc`image mirror -a ${auth} --insecure ${at}/app:1.0 ${at}/mirrored:1.0`,
    /sha256:[0-9a-f]{64} .*mirrored:1\.0/,
  );
  await oc`image mirror -a ${auth} --insecure ${at}/app:* ${at}/every`;
  assert.match(await oc`get istag`, /every:1\.0.*every:2\.0.*mirrored:1\.0/s);
  const original = await oc`get istag app:1.0 -o jsonpath={.image.metadata.name}`;
  assert.equal(await oc`get istag mirrored:1.0 -o jsonpath={.image.metadata.name}`, original);

  const layer = join(folder, 'layer.tar.gz');
  writeFileSync(join(folder, 'added'), 'added\n');
  await succeed('tar', ['czf', layer, '-C', folder, 'added']);
  const appended = await oc`image append -a ${auth} --insecure --from=${at}/app:1.0 --to=${at}/appended:1.0 ${layer}`;
  assert.match(appended, /Pushed sha256:[0-9a-f]{64} to/);
  assert.match(await oc`describe istag appended:1.0`, /^Image Created:/m);
  const into = join(folder, 'extracted');
  mkdirSync(into);
  await oc`image extract -a ${auth} --insecure ${at}/appended:1.0 --path ${`/:${into}`} --confirm`;
  assert.equal(readFileSync(join(into, 'added'), 'utf8'), 'added\n');
  assert.match(readFileSync(join(into, 'srv/greeting'), 'utf8'), /./);
});

ocTest('top tells what images and streams take', async ({ oc }) => {
  const top = await oc`adm top images`;
  assert.match(top, /^NAME +IMAGESTREAMTAG +PARENTS +USAGE +METADATA +STORAGE/);
  assert.match(top, /^sha256:[0-9a-f]{64} .*apps\/app \(1\.0\).* [\d.]+[KM]iB/m);
  assert.match(await oc`adm top imagestreams`, /^apps\/app +[\d.]+[KM]iB +2 +\d+/m);
});

ocTest('top tells of images that were only described, too', async ({ oc }) => {
  const digest = `sha256:${'a5'.repeat(32)}`;
  const api = { apiVersion: 'image.openshift.io/v1' };
  const layer = {
    mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    name: `sha256:${'8d'.repeat(32)}`,
    size: 667_590,
  };
  const image = {
    ...{ ...api, kind: 'Image', metadata: { name: digest }, dockerImageReference: `busy@${digest}` },
    ...{ dockerImageLayers: [layer], dockerImageMetadata: { kind: 'DockerImage', apiVersion: '1.0', Size: 669_049 } },
  };
  const items = [
    image,
    { ...api, kind: 'ImageStream', metadata: { name: 'busy' } },
    {
      ...api,
      kind: 'ImageStreamMapping',
      metadata: { name: 'busy' },
      tag: 'latest',
      image: { metadata: { name: digest }, dockerImageReference: `busy@${digest}` },
    },
  ];
  await oc.given({ kind: 'List', apiVersion: 'v1', items })`create -f -`;
  assert.match(
    await oc`adm top images`,
    new RegExp(`^${digest} apps/busy \\(latest\\) +<none> +<none> +\\w+ +\\S+KiB`, 'm'),
  );
  assert.match(await oc`adm top imagestreams`, /^apps\/busy +\S+KiB +1 +1/m);
  await oc`delete is/busy image/${digest}`;
});

ocTest('prune shows, and then deletes, what no tag needs any more', async ({ oc, server }) => {
  const kept = await oc`get istag app:1.0 -o jsonpath={.image.metadata.name}`;
  const old = await oc`get istag app:2.0 -o jsonpath={.image.metadata.name}`;
  await oc`delete is every`;
  await oc`tag apps/app:1.0 app:2.0`;
  const registry = [`--registry-url=http://${server.registry}`, '--keep-younger-than=0s', '--keep-tag-revisions=1'];
  const [url = '', age = '', revisions = ''] = registry;
  const dry = await oc`adm prune images ${url} ${age} ${revisions} --force-insecure`;
  assert.match(dry, /Dry run enabled - no modifications will be made/);
  assert.match(dry, new RegExp(`Deleting image ${old}`));
  assert.match(await oc`get image ${old}`, /sha256:/);
  const done = await oc`adm prune images ${url} ${age} ${revisions} --force-insecure --confirm`;
  assert.match(
    done,
    /Summary: deleted 1 image object\(s\), deleted 1 image stream tag item\(s\), updated 1 image stream\(s\)/,
  );
  assert.match(await oc.fails`get image ${old}`, /not found/);
  assert.match(await oc`get image ${kept}`, /sha256:/);
  const history = await oc`get is app -o ${'jsonpath={.status.tags[?(@.tag=="2.0")].items[*].image}'}`;
  assert.equal(history, kept);
  assert.match(await oc`image info -a ${auth} --insecure ${server.registry}/apps/app:1.0`, /^Digest:/m);
});

ocTest('applications are made of streams and listed with all else', async ({ oc, server }) => {
  assert.match(await oc`new-app --search app`, /^app\n {2}Project: apps\n {2}Tags: {4}1\.0, 2\.0$/m);
  const dry = await oc`new-app app:1.0 --dry-run`;
  assert.match(dry, /Found image .* in image stream "apps\/app" under tag "1\.0" for "app:1\.0"/);
  assert.match(dry, /deployment\.apps "app" created \(dry run\)/);
  assert.match(await oc`new-app --image-stream=app:1.0 --name=web -o yaml`, /kind: Deployment/);
  assert.match(await oc`new-app --image-stream=app:1.0 --name=web`, /--> Success/);
  assert.match(
    await oc`get deployment web -o jsonpath={.metadata.annotations.image\\.openshift\\.io/triggers}`,
    /"kind":"ImageStreamTag","name":"app:1\.0"/,
  );
  const all = await oc`get all`;
  for (const name of ['service/web', 'deployment.apps/web', 'imagestream.image.openshift.io/app'])
    assert.ok(all.includes(name), name);
  const status = await oc`status`;
  assert.match(status, new RegExp(`^In project apps on server ${server.apiUrl}`));
  assert.match(status, /deployment\/web deploys/);
  assert.match(await oc`status --suggest`, /deployment\/web/);
});

ocTest('an application of an image elsewhere brings a stream, which is imported', async ({ oc, upstream }) => {
  await upstream.push('team/ext', '1', tinyImage('ext'));
  const made = await oc`new-app --image=${upstream.host}/team/ext:1 --insecure-registry --name=ext`;
  assert.match(made, /imagestream\.image\.openshift\.io "ext" created/);
  assert.match(
    await oc`wait --for=${'jsonpath={.status.tags[0].items[0].image}'} is/ext --timeout=20s`,
    /condition met/,
  );
  assert.match(await oc`get istag ext:1 -o jsonpath={.image.dockerImageReference}`, /\/team\/ext@sha256:/);
  await oc`delete deploy/ext is/ext`;
});

ocTest('set and scale change what is there', async ({ oc }) => {
  assert.match(await oc`set image-lookup app`, /image lookup updated/);
  assert.match(await oc`set image-lookup --list`, /^app +true$/m);
  assert.match(await oc`set image-lookup app --enabled=false`, /image lookup updated/);
  assert.match(await oc`set image-lookup --list`, /^app +false$/m);
  assert.match(await oc`set image-lookup deploy/web`, /image lookup updated/);
  await oc`set triggers deploy/web --remove-all`;
  assert.match(await oc`set triggers deploy/web --from-image=app:2.0 -c app`, /triggers updated/);
  assert.match(await oc`set triggers deploy/web`, /^deployments\/web +image +app:2\.0 \(app\) +true$/m);
  assert.match(await oc`set triggers deploy/web --manual`, /triggers updated/);
  assert.match(await oc`set triggers deploy/web`, /^deployments\/web +image +app:2\.0 \(app\) +false$/m);
  await oc`set image deployment/web app=r.test/web:2`;
  await oc`set env deployment/web A=b`;
  await oc`scale deployment web --replicas=3`;
  const spec = await oc`get deployment web -o jsonpath={.spec.replicas}{.spec.template.spec.containers[0]}`;
  assert.match(spec, /^3\{"env":\[\{"name":"A","value":"b"\}\],"image":"r\.test\/web:2"/);
  // Setting triggers by hand has paused it.
  assert.match(await oc`rollout resume deployment/web`, /resumed/);
  assert.match(await oc`rollout restart deployment/web`, /restarted/);
  assert.match(await oc`rollout pause deployment/web`, /paused/);
  assert.match(await oc`get deployment web -o wide`, /^web +0\/3 +0 +0 +\S+ +app +r\.test\/web:2 +deployment=web$/m);
});

ocTest('what pods name by a stream is looked up', async ({ oc }) => {
  const found = await oc`get istag app:1.0 -o jsonpath={.image.dockerImageReference}`;
  assert.match(await oc`set image-lookup is/app`, /updated/);
  await oc`run --restart=Never --image=app:1.0 one`;
  assert.equal(await oc`get pod/one -o jsonpath={.spec.containers[0].image}`, found);
  await oc`create job --image=app:1.0 two`;
  assert.equal(await oc`get job/two -o jsonpath={.spec.template.spec.containers[0].image}`, found);
  await oc`set image-lookup app --enabled=false`;
  await oc`run --restart=Never --image=app:1.0 three`;
  assert.equal(await oc`get pod/three -o jsonpath={.spec.containers[0].image}`, 'app:1.0');
  await oc`delete pod/one pod/three job/two`;
});

ocTest('debug shows the pod that it would run, edit changes a stream', async ({ oc }) => {
  assert.match(
    await oc`debug istag/app:1.0 -o yaml`,
    /kind: Pod.*debug\.openshift\.io\/source-resource: image\.openshift\.io\/v1, Resource=imagestreamtags\/app:1\.0/s,
  );
  const name = await oc`get istag app:1.0 -o jsonpath={.image.metadata.name}`;
  assert.match(await oc`debug isimage/app@${name} -o yaml`, /kind: Pod/);
  const editor = join(folder, 'editor');
  writeFileSync(editor, '#!/bin/sh\nexec sed -i "s/local: false/local: true/" "$1"\n');
  chmodSync(editor, 0o755);
  assert.match(await oc.with({ EDITOR: editor })`edit is/app`, /imagestream\.image\.openshift\.io\/app edited/);
  assert.equal(await oc`get is app -o jsonpath={.spec.lookupPolicy.local}`, 'true');
  assert.match(await oc`wait --for=${'jsonpath={.spec.lookupPolicy.local}=true'} is/app`, /condition met/);
  assert.match(await oc`observe is --once -- echo`, /apps app/);
  assert.match(await oc`explain is.spec.tags.importPolicy`, /FIELD: importPolicy <TagImportPolicy>/);
  assert.match(
    await oc`api-resources --api-group=image.openshift.io`,
    /^imagestreams +is +image\.openshift\.io\/v1 +true +ImageStream$/m,
  );
});

ocTest('everything of a project goes with it', async ({ oc }) => {
  const deleted = await oc`delete all --all`;
  for (const name of ['deployment.apps "web"', 'service "web"', 'imagestream.image.openshift.io "app"'])
    assert.ok(deleted.includes(name), name);
  assert.match(await oc`get all`, /No resources found/);
  assert.match(await oc`delete project apps`, /"apps" deleted/);
});
