import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LimitRangeItem } from '../objects/restrictions.ts';
import { imageExcess, streamExcess, usageKey, usageOf } from './limits.ts';
import type { ImageStream } from './types.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function docker(name: string): { kind: string; name: string } {
  return { kind: 'DockerImage', name };
}

function stream(tags: readonly string[], images: readonly string[] = []): ImageStream {
  return {
    metadata: { name: 's', namespace: 'ns' },
    spec: { tags: tags.map((name, index) => ({ name: `t${index}`, from: docker(name), annotations: null })) },
    status: {
      dockerImageRepository: '',
      tags: images.map((image, index) => ({
        tag: `t${index}`,
        items: [{ created: null, dockerImageReference: `quay.test/x@${image}`, image, generation: 1 }],
      })),
    },
  };
}

function most(max: Record<string, string>): LimitRangeItem {
  return { type: 'openshift.io/ImageStream', max };
}

test('tags that ask for the same image have the same key', () => {
  const cases: readonly [kind: string, namespace: string, name: string, key: string | undefined][] = [
    ['ImageStreamImage', '', `is@${DIGEST}`, `own/is@${DIGEST}`],
    ['ImageStreamImage', 'ns', `is@${DIGEST}`, `ns/is@${DIGEST}`],
    ['ImageStreamImage', '', 'registry.test:5000/is', undefined],
    ['ImageStreamImage', '', 'registry.test:5000/is:latest', undefined],
    ['ImageStreamTag', '', 'is:latest', 'own/is:latest'],
    ['ImageStreamTag', 'ns', 'is:latest', 'ns/is:latest'],
    ['ImageStreamTag', '', 'is', undefined],
    ['ImageStreamTag', '', 'is:a:b', undefined],
    ['ImageStreamTag', '', ':a', undefined],
    ['ImageStreamTag', '', `is@${DIGEST}`, undefined],
    ['DockerImage', 'ns', `repo@${DIGEST}`, `docker.io/repo@${DIGEST}`],
    ['DockerImage', 'ns', 'library/repo:latest', 'docker.io/repo'],
    ['DockerImage', 'ns', 'repo:tag', 'docker.io/repo:tag'],
    ['DockerImage', '', `index.docker.io/repo@${DIGEST}`, `docker.io/repo@${DIGEST}`],
    ['DockerImage', '', 'index.docker.io/user/repo', 'docker.io/user/repo'],
    ['DockerImage', '', `registry.test:5000/test/is@${DIGEST}`, `registry.test:5000/test/is@${DIGEST}`],
    ['DockerImage', '', 'Not A Reference', undefined],
    ['dockerImage', '', 'repo', undefined],
  ];
  for (const [kind, namespace, name, key] of cases) {
    assert.equal(usageKey('own', { kind, namespace, name }), key, `${kind} ${namespace} ${name}`);
  }
  assert.equal(usageKey('', { kind: 'ImageStreamTag', name: 'is:latest' }), 'is:latest');
});

test('each image counts once, however many tags have it; what has no image does not count', () => {
  const usage = usageOf(stream(['a', 'a:latest', 'library/a', 'b'], ['sha256:1', 'sha256:2', 'sha256:1', '']));
  assert.deepEqual([...usage.tags], ['docker.io/a', 'docker.io/b']);
  assert.deepEqual([...usage.images], ['sha256:1', 'sha256:2']);
  assert.equal(usageOf(undefined).tags.size, 0);
});

test('of several LimitRanges the smallest maximum holds; other types, minima and names are not looked at', () => {
  const limits: LimitRangeItem[] = [
    most({ 'openshift.io/image-tags': '3', cpu: '0' }),
    most({ 'openshift.io/image-tags': '2' }),
    { type: 'Container', max: { 'openshift.io/image-tags': '1' } },
    { type: 'openshift.io/ImageStream', min: { 'openshift.io/image-tags': '1' } },
  ];
  assert.equal(streamExcess(limits, undefined, stream(['a', 'b'])), undefined);
  assert.equal(
    streamExcess(limits, undefined, stream(['a', 'b', 'c'])),
    'ImageStream.image.openshift.io "s" is forbidden: requested usage of openshift.io/image-tags exceeds the maximum limit per openshift.io/ImageStream (3 > 2)',
  );
});

test('both excesses are told at once', () => {
  const limits = [most({ 'openshift.io/images': '0', 'openshift.io/image-tags': '0' })];
  assert.equal(
    streamExcess(limits, undefined, stream(['a'], ['sha256:1'])),
    'ImageStream.image.openshift.io "s" is forbidden: [requested usage of openshift.io/image-tags exceeds the maximum limit per openshift.io/ImageStream (1 > 0), requested usage of openshift.io/images exceeds the maximum limit per openshift.io/ImageStream (1 > 0)]',
  );
});

test('what is beyond a limit already may stay and shrink, not grow or be replaced', () => {
  const limits = [most({ 'openshift.io/image-tags': '1' })];
  const old = stream(['a', 'b', 'c']);
  assert.equal(streamExcess(limits, old, old), undefined);
  assert.equal(streamExcess(limits, old, stream(['a', 'b'])), undefined);
  assert.match(streamExcess(limits, old, stream(['a', 'b', 'd'])) ?? '', /\(3 > 1\)/);
  assert.match(streamExcess(limits, old, stream(['a', 'd'])) ?? '', /\(2 > 1\)/);
  assert.match(streamExcess(limits, old, stream(['a', 'b', 'c', 'd'])) ?? '', /\(4 > 1\)/);
  // An image more makes the tags that are too many count again.
  assert.match(streamExcess(limits, old, stream(['a', 'b', 'c'], ['sha256:1'])) ?? '', /\(3 > 1\)/);
});

test('whatever is written in whatever order, usage never exceeds the limit, and a violation never grows', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 });
  fc.assert(
    fc.property(names, fc.array(names, { maxLength: 20 }), fc.nat(4), (first, writes, limit) => {
      const limits = [most({ 'openshift.io/image-tags': String(limit) })];
      let current = stream(first);
      for (const write of writes) {
        const next = stream(write);
        if (streamExcess(limits, current, next) !== undefined) continue;
        const [before, after] = [usageOf(current).tags, usageOf(next).tags];
        assert.ok(after.size <= limit || after.isSubsetOf(before));
        current = next;
      }
    }),
  );
});

test('an image is as large as the maximum at most', () => {
  const limits: LimitRangeItem[] = [
    { type: 'openshift.io/ImageStream', max: { storage: '1' } },
    { type: 'openshift.io/Image', min: { storage: '1' } },
    { type: 'openshift.io/Image', max: { storage: '3Ki' } },
    { type: 'openshift.io/Image', max: { storage: '2Ki' } },
  ];
  assert.equal(imageExcess(limits, 2048), undefined);
  assert.equal(imageExcess([], 2 ** 50), undefined);
  assert.equal(
    imageExcess(limits, 2049),
    'requested usage of storage exceeds the maximum limit per openshift.io/Image (2049 > 2Ki)',
  );
  assert.equal(
    imageExcess(limits, 4096),
    'requested usage of storage exceeds the maximum limit per openshift.io/Image (4Ki > 3Ki)',
  );
});
