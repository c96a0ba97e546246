import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  asRepository,
  type DockerImageReference,
  daemonMinimal,
  dockerClientDefaults,
  formatReference,
  isDockerHub,
  minimal,
  mostSpecific,
  parseReference,
  ReferenceInvalid,
  registryHost,
  registryHostPort,
  repositoryName,
  sameReference,
} from './reference.ts';

const HEX = '3c87c572822935df60f0f5d3665bd376841a7fcfeb806b5f212de6a00e9a7b25';
const ID = `sha256:${HEX}`;

function reference(parts: Partial<DockerImageReference>): DockerImageReference {
  return { registry: '', namespace: '', name: '', tag: '', id: '', ...parts };
}

const a63 = 'a'.repeat(63);
const b182 = 'b'.repeat(182);
const b231 = 'b'.repeat(231);

const GOOD: Readonly<Record<string, Partial<DockerImageReference>>> = {
  foo: { name: 'foo' },
  'foo:tag': { name: 'foo', tag: 'tag' },
  [ID]: { name: 'sha256', tag: HEX },
  [`foo@${ID}`]: { name: 'foo', id: ID },
  [`foo:tag@${ID}`]: { name: 'foo', tag: 'tag', id: ID },
  [`foo@sha256:${HEX.toUpperCase()}`]: { name: 'foo', id: `sha256:${HEX.toUpperCase()}` },
  [`foo@sha384:${HEX}${HEX.slice(32)}`]: { name: 'foo', id: `sha384:${HEX}${HEX.slice(32)}` },
  [`foo@sha512:${HEX}${HEX}`]: { name: 'foo', id: `sha512:${HEX}${HEX}` },
  'bar/foo': { namespace: 'bar', name: 'foo' },
  'bar/foo:tag': { namespace: 'bar', name: 'foo', tag: 'tag' },
  [`bar/foo@${ID}`]: { namespace: 'bar', name: 'foo', id: ID },
  'bar/foo/baz': { namespace: 'bar', name: 'foo/baz' },
  'bar/library/baz': { namespace: 'bar', name: 'library/baz' },
  'bar/foo/baz:tag': { namespace: 'bar', name: 'foo/baz', tag: 'tag' },
  'bar/foo/baz/biz': { namespace: 'bar', name: 'foo/baz/biz' },
  'bar:5000/foo/baz': { registry: 'bar:5000', namespace: 'foo', name: 'baz' },
  'bar:5000/library/baz': { registry: 'bar:5000', namespace: 'library', name: 'baz' },
  'bar:5000/baz': { registry: 'bar:5000', name: 'baz' },
  'bar:5000/foo/baz:tag': { registry: 'bar:5000', namespace: 'foo', name: 'baz', tag: 'tag' },
  [`bar:5000/foo/baz@${ID}`]: { registry: 'bar:5000', namespace: 'foo', name: 'baz', id: ID },
  'myregistry.io/foo': { registry: 'myregistry.io', name: 'foo' },
  'localhost/bar': { registry: 'localhost', name: 'bar' },
  'localhosts/bar': { namespace: 'localhosts', name: 'bar' },
  'docker.io/library/myapp': { registry: 'docker.io', namespace: 'library', name: 'myapp' },
  'docker.io/user/project/myapp': { registry: 'docker.io', namespace: 'user', name: 'project/myapp' },
  'index.docker.io/bar': { registry: 'index.docker.io', name: 'bar' },
  [`bar:5000/${a63}/${b182}:tag`]: { registry: 'bar:5000', namespace: a63, name: b182, tag: 'tag' },
  [`docker.io/${b231}:tag`]: { registry: 'docker.io', name: b231, tag: 'tag' },
  'quay.io': { registry: 'quay.io' },
  'quay.io:443': { registry: 'quay.io:443' },
  [`quay.io@${ID}`]: { registry: `quay.io@${ID}`, id: ID },
  'localhost:5000': { registry: 'localhost:5000' },
  'localhost:5000/org': { registry: 'localhost:5000', name: 'org' },
  'Upper/foo': { namespace: 'Upper', name: 'foo' },
  'UPPER.io/foo': { registry: 'UPPER.io', name: 'foo' },
  'x/a__b.c-d---e_f': { namespace: 'x', name: 'a__b.c-d---e_f' },
  'foo:_tag': { name: 'foo', tag: '_tag' },
  [`foo:${'t'.repeat(128)}`]: { name: 'foo', tag: 't'.repeat(128) },
};

const BAD: Readonly<Record<string, string>> = {
  '': 'repository name must have at least one component',
  ':tag': 'invalid reference format',
  [`@${ID}`]: 'invalid reference format',
  'a b': 'invalid reference format',
  'a:': 'invalid reference format',
  'foo\n': 'invalid reference format',
  'foo:-tag': 'invalid reference format',
  [`foo:${'t'.repeat(129)}`]: 'invalid reference format',
  'foo-/bar': 'invalid reference format',
  'a___b/c': 'invalid reference format',
  'a..b/c/d!': 'invalid reference format',
  'registry.io/foo/bar/:Tag': 'invalid reference format',
  'https://bar:5000/foo/baz': 'invalid reference format',
  'bar/foo/baz////biz': 'invalid reference format',
  '//foo/baz/biz': 'invalid reference format',
  'abc@badid': 'invalid reference format',
  'quay.test/a@sha256:abc': 'invalid reference format',
  'registry:3000/integration/imageStream:success': 'repository name must be lowercase',
  'quay.test/A/B': 'repository name must be lowercase',
  Foo: 'repository name must be lowercase',
  'a/b@sha256:00000000000000000000000000000001': 'invalid checksum digest length',
  [`a/b@${ID}0`]: 'invalid checksum digest length',
  'a/b@md5:d41d8cd98f00b204e9800998ecf8427e': 'unsupported digest algorithm',
  [`a/b@SHA256:${HEX}`]: 'unsupported digest algorithm',
  [`a/b@constructor:${HEX}`]: 'unsupported digest algorithm',
  [`q.test/${'a'.repeat(260)}`]: 'repository name must not be more than 255 characters',
  [`bar:5000/${a63}/${b182}b:tag`]: 'repository name must not be more than 255 characters',
  [`docker.io/${'b'.repeat(246)}`]: 'repository name must not be more than 255 characters',
  ['a'.repeat(100_000)]: 'invalid reference format',
};

test('references are taken apart as OpenShift takes them apart', () => {
  for (const [text, parts] of Object.entries(GOOD)) {
    assert.deepEqual(parseReference(text), reference(parts), text);
  }
});

test('text that is no reference is refused in the words of the API server', () => {
  for (const [text, message] of Object.entries(BAD)) {
    assert.throws(() => parseReference(text), { name: 'ReferenceInvalid', message }, text);
  }
});

test('patterns take no more than linear time on text made to defeat them', () => {
  for (const part of ['a', 'a-', '-', 'a.', 'a_', '0', 'A', 'a/', 'a:1/']) {
    assert.throws(() => parseReference(`${part.repeat(4090 / part.length)}!`), ReferenceInvalid);
  }
});

test('a reference is printed with the parts it has', () => {
  assert.equal(formatReference(reference({})), '');
  assert.equal(formatReference(reference({ registry: 'quay.io' })), 'quay.io/');
  assert.equal(formatReference(reference({ registry: 'r', namespace: 'n' })), 'r/n/');
  assert.equal(formatReference(reference({ namespace: 'n', tag: 't' })), '');
  assert.equal(formatReference(parseReference(`r.io/n/a:t@${ID}`)), `r.io/n/a@${ID}`);
  assert.equal(formatReference(reference({ name: 'a', id: 'v1id' })), 'a:v1id');
});

test('defaults, the most specific form and the repository', () => {
  const defaults = (text: string): string => formatReference(dockerClientDefaults(parseReference(text)));
  assert.equal(defaults('a'), 'docker.io/library/a:latest');
  assert.equal(defaults('index.docker.io/a:b'), 'index.docker.io/library/a:b');
  assert.equal(defaults('quay.io/a'), 'quay.io/a:latest');
  assert.equal(defaults('u/a'), 'docker.io/u/a:latest');

  const both = reference({ name: 'a', tag: 't', id: ID });
  assert.deepEqual(mostSpecific(both), reference({ name: 'a', id: ID }));
  assert.deepEqual(mostSpecific(reference({ name: 'a', tag: 't' })), reference({ name: 'a', tag: 't' }));
  assert.deepEqual(mostSpecific(reference({ name: 'a', id: 'old' })), reference({ name: 'a', tag: 'old' }));
  assert.deepEqual(mostSpecific(reference({ name: 'a', tag: 't', id: 'old' })).id, 'old');

  assert.deepEqual(asRepository(both), reference({ name: 'a' }));
  assert.equal(repositoryName(parseReference('r.io/n/a/b:t')), 'n/a/b');
  assert.equal(formatReference(minimal(parseReference('a:latest'))), 'a');
  assert.equal(formatReference(daemonMinimal(parseReference('registry-1.docker.io/library/a:latest'))), 'docker.io/a');
  assert.equal(formatReference(daemonMinimal(parseReference('quay.io/library/a:b'))), 'quay.io/library/a:b');
  assert.ok(sameReference(parseReference('foobar'), parseReference('docker.io/library/foobar:latest')));
  assert.ok(!sameReference(parseReference('foobar'), parseReference('quay.io/library/foobar:latest')));
});

test('host and port for registry policies', () => {
  const at = (text: string, insecure = false): string => {
    const { host, port } = registryHostPort(parseReference(text), insecure);
    return `${host}:${port}`;
  };
  assert.equal(at('a/b'), 'docker.io:443');
  assert.equal(at('docker.io/a'), 'registry-1.docker.io:443');
  assert.equal(at('index.docker.io/a', true), 'registry-1.docker.io:80');
  assert.equal(at('quay.io/a'), 'quay.io:443');
  assert.equal(at('quay.io:8443/a', true), 'quay.io:8443');
  assert.equal(at(`quay.io:1@${ID}`), ':');
  assert.equal(registryHost(parseReference('a')), 'registry-1.docker.io');
  assert.equal(registryHost(parseReference('localhost:1/a')), 'localhost:1');
  assert.ok(isDockerHub('registry-1.docker.io') && !isDockerHub(''));
});

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}$/);
const registry = fc.constantFrom('', 'localhost', 'quay.io', 'Quay.IO:8443', 'a-b.c.d:1', 'localhost:5000');
const path = fc
  .tuple(registry, fc.array(component, { minLength: 1, maxLength: 4 }))
  // Alone, or in first place, a name with a dot or of this beginning is a registry.
  .filter(([host, [first = '']]) => host !== '' || (!first.includes('.') && !first.startsWith('localhost')))
  .map(([host, parts]) => `${host === '' ? '' : `${host}/`}${parts.join('/')}`);
const suffix = fc.oneof(fc.constant(''), fc.stringMatching(/^:[A-Za-z0-9_][\w.-]{0,20}$/), fc.constant(`@${ID}`));

test('what is printed of a parsed reference is the reference', () => {
  fc.assert(
    fc.property(path, suffix, (name, end) => {
      const parsed = parseReference(`${name}${end}`);
      assert.equal(formatReference(parsed), `${name}${end}`);
      assert.deepEqual(parseReference(formatReference(parsed)), parsed);
    }),
  );
});

test('nothing but ReferenceInvalid is thrown', () => {
  const pieces = fc.array(fc.constantFrom('a', 'A', '.', '-', '_', ':', '/', '@', 'sha256:', ID, '\n', 'é', '0'));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        pieces.map((all) => all.join('')),
      ),
      (text) => {
        try {
          parseReference(text);
        } catch (error) {
          assert.ok(error instanceof ReferenceInvalid);
        }
      },
    ),
  );
});
