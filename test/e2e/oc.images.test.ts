/** Streams, tags and imports with the real `oc`, one step after the other as people and scripts of OpenShift take them. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { tinyImage, tinyIndex } from '../tinyimage.ts';
import { type Oc, type OcWorld, ocTest } from './oc.ts';

/** Tries until a command succeeds and prints what fits: what is imported in the background takes a moment. */
async function until(pattern: RegExp, command: () => Promise<string>): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      const printed = await command();
      assert.match(printed, pattern);
      return printed;
    } catch (error) {
      if (tries >= 40) throw error;
      await pause(500);
    }
  }
}

const docker = (name: string): object => ({ kind: 'DockerImage', name });
const tagged = (name: string): object => ({ kind: 'ImageStreamTag', name });
const stream = (name: string, ...tags: object[]): object => ({
  kind: 'ImageStream',
  apiVersion: 'image.openshift.io/v1',
  metadata: { name },
  spec: { tags },
});
const insecure = { insecure: true };

/** A tag's source in spec, by the place of the tag. */
const fromOf = (oc: Oc, name: string, index: number): Promise<string> =>
  oc`get is/${name} -o ${`jsonpath={.spec.tags[${index}].from.kind} {.spec.tags[${index}].from.name}`}`;

/** Images at the other registry, and a stream of them: three versions, and `latest`, which tracks the newest. */
async function database({ oc, upstream }: OcWorld): Promise<void> {
  for (const version of ['5.5', '5.6', '5.7']) await upstream.push('team/db', version, tinyImage(`db ${version}`));
  await upstream.push('team/db', 'latest', tinyImage('db 5.7'));
  const tags = ['5.5', '5.6', '5.7'].map((name) => ({
    name,
    from: docker(`${upstream.host}/team/db:${name}`),
    importPolicy: insecure,
  }));
  await oc.given(stream('db', ...tags, { name: 'latest', from: tagged('5.7') }))`create -f -`;
}

ocTest('images are made and deleted, streams as well', async ({ oc }) => {
  await oc`new-project images`;
  const image = {
    kind: 'Image',
    apiVersion: 'image.openshift.io/v1',
    metadata: { name: 'test' },
    dockerImageReference: 'r.test/team/test:latest',
  };
  assert.match(await oc`get images`, /No resources found|NAME/);
  assert.equal(await oc.given(image)`create -f -`, 'image.image.openshift.io/test created\n');
  assert.equal(await oc`delete images test`, 'image.image.openshift.io "test" deleted\n');
  assert.equal(await oc.given(stream('test'))`create -f -`, 'imagestream.image.openshift.io/test created\n');
  assert.match(await oc`get imageStreams`, /^NAME +IMAGE REPOSITORY +TAGS +UPDATED\ntest +\S+\/images\/test/);
  assert.match(await oc`delete imageStreams test`, /"test" deleted/);
  assert.match(await oc.fails`get imageStreams test`, /imagestreams.image.openshift.io "test" not found/);
});

ocTest('what tags name is imported by itself', async (world) => {
  const { oc } = world;
  await database(world);
  for (const version of ['5.5', '5.6', '5.7', 'latest']) {
    await until(/sha256:/, () => oc`get imagestreamtags db:${version}`);
  }
  const checked =
    await oc`get is db --template ${'{{index .metadata.annotations "openshift.io/image.dockerRepositoryCheck"}}'}`;
  assert.match(checked, /^\d{4}-\d\d-\d\dT/);
  assert.match(await oc`get istag`, /^NAME +IMAGE REFERENCE +UPDATED\ndb:5\.5/);
});

ocTest('a tag has a source, annotations and a generation', async ({ oc }) => {
  const tag = (path: string): Promise<string> => oc`get istag/db:latest -o jsonpath=${path}`;
  assert.equal(await tag('{.tag.from.kind} {.tag.from.name}'), 'ImageStreamTag 5.7');
  await oc`annotate istag/db:latest foo=bar`;
  assert.equal(await tag('{.metadata.annotations.foo} {.tag.annotations.foo}'), 'bar bar');
  await oc`annotate istag/db:latest foo-`;
  assert.equal(await tag('{.metadata.annotations.foo}{.tag.annotations.foo}'), '');
  const generation = await tag('{.tag.generation}');
  await oc`patch istag/db:latest -p ${'{"tag":{"from":{"kind":"DockerImage","name":"r.test/other:latest"}}}'}`;
  assert.equal(await tag('{.tag.from.kind} {.tag.from.name}'), 'DockerImage r.test/other:latest');
  assert.notEqual(await tag('{.tag.generation}'), generation);
  await oc`patch istag/db:latest -p ${'{"tag":{"from":{"kind":"ImageStreamTag","name":"5.7"}}}'}`;
});

ocTest('create imagestreamtag takes every flag', async ({ oc, upstream }) => {
  const image = `${upstream.host}/team/db:5.6`;
  await oc`create imagestreamtag tag:1 --from=db:5.5`;
  await oc`create imagestreamtag tag:2 --insecure --from-image=${image}`;
  await until(/sha256:/, () => oc`get imagestreamtags tag:2`);
  await oc`create imagestreamtag tag:3 -A foo=bar`;
  await oc`create imagestreamtag tag:4 --from=:2`;
  await oc`create imagestreamtag tag:5 --from=tag:2`;
  await oc`create imagestreamtag tag:6 --reference --from-image=${image}`;
  await oc`create imagestreamtag tag:7 --reference-policy=Local --from=tag:2`;
  await oc`create istag tag:8 --insecure --from-image=${image}`;
  await until(/sha256:/, () => oc`get imagestreamtags tag:8`);
  await oc`create imagestreamtag tag:9 --scheduled --reference-policy=Local --insecure --from-image=${image}`;
  await oc`create imagestream tag-b`;
  await oc`create imagestreamtag tag-b:1 --from=db:5.5`;
  await oc`create imagestreamtag tag-c:1 -A annotation.with.dots=are.ok`;
  assert.match(
    await oc.fails`create imagestreamtag tag-c --from-image=${image}`,
    /must be of the form <stream_name>:<tag>/,
  );
  assert.match(await oc.fails`create imagestreamtag tag-c:1 -A foo`, /annotations must be of the form key=value/);
  const both = await oc.fails`create imagestreamtag tag-c:2 --from=db --from-image=${image}`;
  assert.match(both, /--from and --from-image may not be used together/);

  const imageOf = (name: string): Promise<string> => oc`get istag/${name} -o jsonpath={.image.metadata.name}`;
  assert.match(await oc`get istag/tag:1 -o jsonpath={.image.dockerImageReference}`, /\/team\/db@sha256:/);
  assert.equal(await imageOf('tag-b:1'), await imageOf('db:5.5'));
  for (const name of ['tag:4', 'tag:5', 'tag:8']) assert.equal(await imageOf(name), await imageOf('db:5.6'), name);
  const spec = (name: string, member: string): Promise<string> =>
    oc`get is/tag -o ${`jsonpath={.spec.tags[?(@.name=="${name}")].${member}}`}`;
  assert.equal(await spec('3', 'annotations.foo'), 'bar');
  assert.equal(await spec('4', 'from.name'), '2');
  assert.equal(await spec('6', 'reference'), 'true');
  assert.match(await spec('7', 'referencePolicy'), /Local/);
  assert.match(await spec('8', 'importPolicy'), /"insecure":true/);
  assert.match(await spec('9', 'importPolicy'), /"scheduled":true/);
});

ocTest('describe tells of streams, tags and images by a piece of their digest', async ({ oc }) => {
  const described = await oc`describe istag/db:latest`;
  for (const word of ['Image Name:', 'Docker Image:', 'Image Created:', 'Layers:', 'Arch:', 'Environment:']) {
    assert.match(described, new RegExp(`^${word}`, 'm'));
  }
  assert.match(described, /Environment:\tSEED=db 5\.7/);
  const name = await oc`get istag/db:latest -o jsonpath={.image.metadata.name}`;
  const short = await oc`describe isimage/db@${name.slice(0, 15)}`;
  assert.match(short, new RegExp(`Image Name:\\s+${name}`));
  const whole = await oc`describe is/db`;
  assert.match(whole, /^Unique Images:\t+3$/m);
  assert.match(whole, /^5\.7 \(latest\)\n {2}tagged from \S+\/team\/db:5\.7$/m);
});

ocTest('of an image for several platforms one is picked', async ({ oc, upstream }) => {
  const architectures = ['amd64', 's390x'];
  const children = architectures.map((architecture) => tinyImage(`multi ${architecture}`, [64], architecture));
  await upstream.push('team/multi', 'latest', tinyIndex(children, architectures), children);
  const tags = architectures.map((architecture) => ({
    name: `linux-${architecture}`,
    from: docker(`${upstream.host}/team/multi:latest`),
    importPolicy: insecure,
    annotations: {
      'importer.image.openshift.io/prefer-os': 'linux',
      'importer.image.openshift.io/prefer-arch': architecture,
    },
  }));
  await oc.given(stream('multi', ...tags))`create -f -`;
  for (const architecture of architectures) {
    await until(/sha256/, () => oc`get istag multi:linux-${architecture}`);
    const seen = await oc`get istag multi:linux-${architecture} --template={{.image.dockerImageMetadata.Architecture}}`;
    assert.equal(seen, architecture);
  }
  await oc`delete is multi`;
});

ocTest('import-image follows tags, and refuses another source', async ({ oc, upstream }) => {
  const image = `${upstream.host}/team/db`;
  assert.match(await oc`import-image db`, /imagestream\.image\.openshift\.io\/db imported.*sha256:/s);
  assert.equal(await fromOf(oc, 'db', 3), 'ImageStreamTag 5.7');
  assert.match(
    await oc.fails`import-image db --from=${upstream.host}/other`,
    /use the 'tag' command if you want to change the source/,
  );
  assert.match(await oc`import-image db:5.6`, /sha256:/);
  assert.match(await oc`import-image db:latest`, /sha256:/);
  assert.match(await oc`import-image db:external --insecure --from=${image}`, /sha256:/);
  // Tags stand in the order of their names.
  assert.equal(await fromOf(oc, 'db', 3), `DockerImage ${image}`);
  assert.match(await oc.fails`import-image single:latest --from=${image}:latest`, /--confirm/);
  await oc`import-image single:latest --insecure --from=${image}:latest --confirm`;
  assert.equal(await oc`get is/single --template=${'{{len .spec.tags}}'}`, '1');
  await oc`delete is/single`;
  assert.match(await oc.fails`import-image every --from=${image} --all`, /--confirm/);
  assert.match(await oc`import-image every --insecure --from=${image} --all --confirm --request-timeout=1m`, /sha256:/);
  assert.match(await oc`get istag`, /every:5\.5.*every:5\.6.*every:5\.7.*every:latest/s);
  assert.match(await oc`import-image dry --insecure --from=${image} --confirm --dry-run`, /dry run/);
  assert.match(await oc.fails`get is dry`, /not found/);
  const kept =
    await oc`import-image modes --insecure --from=${image}:5.5 --confirm --import-mode=PreserveOriginal --scheduled --reference-policy=local`;
  assert.match(kept, /imported/);
  const policy = await oc`get is modes -o jsonpath={.spec.tags[0].importPolicy}{.spec.tags[0].referencePolicy}`;
  assert.match(policy, /"importMode":"PreserveOriginal"/);
  assert.match(policy, /"scheduled":true.*"type":"Local"/s);
  assert.match(await oc.fails`import-image none --insecure --from=${image}:none --confirm`, /not found/);
});

ocTest('tag follows, copies and refers, within a stream and across projects', async ({ oc, upstream }) => {
  const name = await oc`get istag/db:latest --template={{.image.metadata.name}}`;
  await oc`tag db:latest db:tag1 --alias`;
  await oc`tag db@${name} db:tag2 --alias`;
  await oc`tag db:none db:tag3 --alias`;
  await oc`tag --source=imagestreamtag db:latest db:tag4 --alias`;
  await oc`tag --source=istag db:latest db:tag5 --alias`;
  await oc`tag --source=imagestreamimage db@${name} db:tag6 --alias`;
  await oc`tag --source=isimage db@${name} db:tag7 --alias`;
  await oc`tag --source=docker ${upstream.host}/team/db:5.7 db:tag8 --alias`;
  await oc`tag db:latest db:zzz db:yyy --alias`;
  const kinds = await oc`get is/db -o ${'jsonpath={range .spec.tags[*]}{.name}={.from.kind} {end}'}`;
  for (const tag of ['tag1', 'tag3', 'tag4', 'tag5', 'yyy', 'zzz'])
    assert.match(kinds, new RegExp(`${tag}=ImageStreamTag`));
  for (const tag of ['tag2', 'tag6', 'tag7']) assert.match(kinds, new RegExp(`${tag}=ImageStreamImage`));
  assert.match(kinds, /tag8=DockerImage/);
  assert.match(await oc.fails`tag db:latest other:tag1 --alias`, /cannot set alias across/);

  await oc`label image ${name} foo=bar`;
  assert.match(await oc`get image ${name} --show-labels`, /foo=bar/);
  await oc`label is/db labelA=value`;
  await oc`tag db:latest db:labeled`;
  assert.equal(await oc`get istag/db:labeled -o jsonpath={.metadata.labels.labelA}`, 'value');

  await oc`tag db:5.5 copies:latest`;
  assert.match(await fromOf(oc, 'copies', 0), /^ImageStreamImage db@sha256:/);
  const reference = await oc`get is/copies --template=${'{{(index .status.tags 0 "items" 0).dockerImageReference}}'}`;
  assert.match(reference, new RegExp(`^${upstream.host}/team/db@sha256:`));
  await oc`tag db:5.5 referring:latest --reference`;
  assert.equal(await oc`get is/referring -o jsonpath={.spec.tags[0].reference}`, 'true');
  await oc`new-project images-2`;
  await oc`tag images/db:5.5 copies:latest`;
  assert.match(await fromOf(oc, 'copies', 0), /^ImageStreamImage /);
  assert.match(await oc`get istag/copies:latest -o jsonpath={.image.dockerImageReference}`, /\/team\/db@sha256:/);
  assert.match(await oc`tag copies:latest images/db:tag9`, /db:tag9 set to/);
  await oc`project images`;
  assert.equal(
    await oc`get istag/db:tag9 -o jsonpath={.image.metadata.name}`,
    await oc`get istag/db:5.5 -o jsonpath={.image.metadata.name}`,
  );
});

ocTest('tag sets policies, makes streams, and deletes', async ({ oc, upstream }) => {
  const image = `${upstream.host}/team/db:5.7`;
  await oc`tag --source=docker ${image} copies:latest --scheduled`;
  assert.equal(await oc`get is/copies -o jsonpath={.spec.tags[0].importPolicy.scheduled}`, 'true');
  assert.match(await oc`describe is/copies`, new RegExp(`updates automatically from registry ${image}`));
  await oc`tag --source=docker ${image} copies:latest --insecure --import-mode=PreserveOriginal --reference-policy=local`;
  const described = await oc`describe is/copies`;
  assert.match(described, /will use insecure HTTPS or HTTP connections/);
  assert.doesNotMatch(described, /updates automatically from/);
  const policies = await oc`get is/copies -o jsonpath={.spec.tags[0].importPolicy}{.spec.tags[0].referencePolicy}`;
  assert.match(policies, /"importMode":"PreserveOriginal","insecure":true.*"type":"Local"/);
  for (const name of ['made1', 'made2']) assert.match(await oc.fails`get imageStreams ${name}`, /not found/);
  await oc`tag db:latest made1:latest made2:latest`;
  for (const name of ['made1', 'made2']) assert.match(await fromOf(oc, name, 0), /^ImageStreamImage /);
  await oc`delete is/made1 is/made2`;
  assert.match(await oc`tag db:latest made3:new1`, /^Tag made3:new1 set to db@sha256:/);
  assert.match(await oc`tag made3:new1 -d`, /^Deleted tag images\/made3:new1/);
  assert.match(await oc.fails`get istag made3:new1`, /not found/);
});

ocTest('deleting a tag takes it out of spec and status', async ({ oc }) => {
  const tags = (part: string): Promise<string> => oc`get is db -o ${`jsonpath={.${part}.tags[*]}`}`;
  assert.match(await tags('spec'), /"name":"5\.5"/);
  assert.match(await tags('status'), /"tag":"5\.5"/);
  assert.match(await oc`delete istag/db:5.5`, /imagestreamtag.image.openshift.io "db:5.5" deleted/);
  assert.doesNotMatch(await tags('spec'), /"name":"5\.5"/);
  assert.doesNotMatch(await tags('status'), /"tag":"5\.5"/);
  assert.match(await oc`delete all --all`, /imagestream\.image\.openshift\.io "db" deleted/);
  assert.match(await oc`get is`, /No resources found/);
});

ocTest('apply merges tags by their names, and edit keeps the others', async ({ oc }) => {
  await oc`new-project merge-tags`;
  const tag = (name: string, version: string): object => ({
    name,
    annotations: { version },
    from: docker(`r.test/team/ruby:${name}`),
    reference: true,
  });
  await oc.given(stream('ruby', tag('2.7', '2.7'), tag('latest', 'newest')))`create -f -`;
  const names = (): Promise<string> => oc`get is ruby -o jsonpath={.spec.tags[*].name}`;
  assert.equal(await names(), '2.7 latest');
  assert.match(await oc.given(stream('ruby', tag('2.7', '2.7 patched'), tag('new', 'new')))`apply -f -`, /configured/);
  assert.equal(await names(), '2.7 latest new');
  assert.equal(await oc`get is ruby -o jsonpath={.spec.tags[0].annotations.version}`, '2.7 patched');
  assert.match(await oc`delete project merge-tags`, /project\.project\.openshift\.io "merge-tags" deleted/);
  await oc`project images`;
});

ocTest('imports of public images work with a wrong pull secret beside', async ({ oc, upstream }) => {
  await oc`new-project import-images`;
  for (const name of ['one', 'two']) {
    await oc`create secret docker-registry ${name} --docker-server=${upstream.host} --docker-username=${name} --docker-password=wrong`;
  }
  const imported = await oc`import-image example --insecure --from=${upstream.host}/team/db:5.7 --confirm`;
  assert.match(imported, /imagestream\.image\.openshift\.io\/example imported/);
  await oc`delete project import-images`;
});
