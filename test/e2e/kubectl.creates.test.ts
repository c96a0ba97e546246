/**
 * What can only be created: kinds without PATCH. kubectl checks them itself, by OpenAPI v2 as protobuf, and looks before
 * whether they are custom resources.
 */
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
  await kubectl('create', 'namespace', 'demo');
  await kubectl.given({ apiVersion: IMAGE, kind: 'ImageStream', metadata }, 'create', '-f', '-');
});
after(async () => {
  await server?.kill();
});

const DIGEST = 'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';
const IMAGE = 'image.openshift.io/v1';
const AUTHORIZATION = 'authorization.k8s.io/v1';
const resourceAttributes = { verb: 'list', group: 'image.openshift.io', resource: 'imagestreams', namespace: 'demo' };
const metadata = { name: 'app', namespace: 'demo' };

interface Created {
  readonly kind: string;
  readonly object: object;
  /** Of the answer: what shows that it was understood. */
  readonly shows: RegExp;
  /** The object with a member that nobody knows, and how kubectl names its place. */
  readonly odd: object;
  readonly place: string;
}

const CREATED: readonly Created[] = [
  {
    kind: 'ImageStreamMapping',
    object: {
      apiVersion: IMAGE,
      metadata,
      tag: 'latest',
      image: { metadata: { name: DIGEST }, dockerImageReference: `r.test/a@${DIGEST}` },
    },
    shows: /"status": "Success"/,
    odd: { apiVersion: IMAGE, metadata, tag: 'latest', image: { metadata: { name: DIGEST }, oddity: 1 } },
    place: 'ImageStreamMapping.image',
  },
  {
    kind: 'ImageStreamImport',
    object: {
      apiVersion: IMAGE,
      metadata,
      spec: { import: false, images: [{ from: { kind: 'DockerImage', name: '127.0.0.1:1/none/none:1' } }] },
    },
    shows: /"message": "[^"]*127\.0\.0\.1:1/,
    odd: {
      apiVersion: IMAGE,
      metadata,
      spec: { import: false, images: [{ from: { kind: 'DockerImage', name: 'r.test/a:1' }, oddity: 1 }] },
    },
    place: 'ImageStreamImport.spec.images[0]',
  },
  {
    kind: 'ImageSignature',
    object: { apiVersion: IMAGE, metadata: { name: `${DIGEST}@one` }, type: 'AtomicImageV1', content: 'b25l' },
    shows: /"type": "AtomicImageV1"/,
    odd: { apiVersion: IMAGE, metadata: { name: `${DIGEST}@two` }, type: 'a', content: 'b25l', oddity: 1 },
    place: 'ImageSignature',
  },
  {
    kind: 'ProjectRequest',
    object: { apiVersion: 'project.openshift.io/v1', metadata: { name: 'fresh' }, displayName: 'A fresh one' },
    shows: /"openshift\.io\/display-name": "A fresh one"/,
    odd: { apiVersion: 'project.openshift.io/v1', metadata: { name: 'other' }, oddity: 1 },
    place: 'ProjectRequest',
  },
  ...['SelfSubjectAccessReview', 'SubjectAccessReview'].map((kind) => ({
    kind,
    object: {
      apiVersion: AUTHORIZATION,
      spec: { resourceAttributes, ...(kind.startsWith('Subject') && { user: 'ann' }) },
    },
    shows: kind.startsWith('Subject') ? /"allowed": false/ : /"allowed": true/,
    odd: { apiVersion: AUTHORIZATION, spec: { resourceAttributes: { ...resourceAttributes, oddity: 1 } } },
    place: `${kind}.spec.resourceAttributes`,
  })),
];

for (const { kind, object, shows, odd, place } of CREATED) {
  suite(kind, () => {
    test('create', async () => {
      assert.match(await kubectl.given({ kind, ...object }, 'create', '-f', '-', '-o', 'json'), shows);
    });

    test('a member that nobody knows is refused before anything is sent', async () => {
      const refused = await kubectl.refuses({ kind, ...odd }, 'create', '-f', '-');
      assert.ok(refused.includes(`ValidationError(${place}): unknown field "oddity"`), refused);
    });
  });
}

test('whoever may do nothing may ask what they may', async () => {
  const review = { apiVersion: AUTHORIZATION, kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
  const answer = await kubectl.given(review, 'create', '-f', '-', '-o', 'json', '--as', 'nobody-in-particular');
  assert.match(answer, /"allowed": false/);
});

test('explain by OpenAPI v2, for those who read it', async () => {
  const told = await kubectl('explain', '--output=plaintext-openapiv2', 'imagestream.spec.tags.from');
  assert.match(told, /^RESOURCE: from <Object>$/m);
  assert.match(told, /^ {3}name\t<string>$/m);
});
