import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AllowedRegistries,
  allowedRegistries,
  alsoAllowed,
  PatternInvalid,
  parsePattern,
  registryRefusal,
  type Transport,
} from './allowedregistries.ts';
import { type DockerImageReference, parseReference } from './reference.ts';

const NOWHERE: DockerImageReference = { registry: '', namespace: '', name: '', tag: '', id: '' };

function allow(...patterns: string[]): AllowedRegistries {
  return { patterns: patterns.map(parsePattern), repositories: new Set() };
}

function refusal(allowed: AllowedRegistries, registry: string, transport: Transport): string | undefined {
  return registryRefusal(allowed, { ...NOWHERE, registry }, transport);
}

test('a pattern has a port: 443, or 80 without TLS, unless it names one', () => {
  assert.deepEqual(parsePattern('quay.io'), { host: 'quay.io', port: '443' });
  assert.deepEqual(parsePattern('https://quay.io'), { host: 'quay.io', port: '443' });
  assert.deepEqual(parsePattern('http://quay.io'), { host: 'quay.io', port: '80' });
  assert.deepEqual(parsePattern('http://*.test:5000'), { host: '*.test', port: '5000' });
  assert.deepEqual(parsePattern('*:*'), { host: '*', port: '*' });
  assert.deepEqual(parsePattern('先生，先生！'), { host: '先生，先生！', port: '443' });
  for (const bad of ['0:1:2:3', '', ':5000', 'host:', 'quay.io/team', 'a b']) {
    assert.throws(() => parsePattern(bad), PatternInvalid, bad);
  }
});

/** By transport and pattern: which registries are let in, and which are not. */
const MATRIX: readonly [transport: Transport, patterns: string[], yes: string[], no: string[]][] = [
  ['secure', ['*'], ['docker.io', 'example.com', 'localhost:443', 'localhost'], ['localhost:5000', 'localhost:80']],
  ['any', ['http://*'], ['docker.io', 'example.com', 'localhost:80', 'localhost'], ['localhost:443', 'localhost:5000']],
  ['secure', ['*:*'], ['docker.io', 'example.com', 'localhost:443', 'localhost:5000', 'localhost:80', ''], []],
  ['any', ['http://*:*'], ['docker.io', 'example.com', 'localhost:443', 'localhost:5000', 'localhost:80', ''], []],
  [
    'secure',
    ['localhost:5000', 'docker.io', 'example.com:*', 'registry.com:80'],
    [
      'example.com:5000',
      'example.com:80',
      'example.com',
      'localhost:5000',
      'registry-1.docker.io:443',
      'registry.com:80',
    ],
    ['localhost:443', 'registry.com:443', 'registry.com', 'registry.example.com'],
  ],
  ['secure', ['docker.io'], ['docker.io', 'index.docker.io', 'registry-1.docker.io', ''], ['docker.io:80', 'quay.io']],
  ['secure', ['registry-1.docker.io'], ['docker.io', 'index.docker.io', 'registry-1.docker.io'], ['']],
  [
    'any',
    ['localhost:5000', 'docker.io', 'example.com:*', 'registry.com:80', '*.foo.com', '*domain.ltd'],
    [
      'domain.ltd',
      'example.com',
      'index.docker.io',
      'localhost:5000',
      'my.domain.ltd:443',
      'my.domain.ltd',
      'mydomain.ltd',
    ],
    ['a.b.c.d.foo.com:80', 'foo.com', 'my.domain.ltd:80', 'registry.com:443'],
  ],
  [
    'any',
    [
      'localhost:5000',
      'http://docker.io',
      'example.com:*',
      'registry.com:80',
      'http://*.foo.com',
      'http://*domain.ltd',
    ],
    ['a.b.c.d.foo.com:80', 'registry.com', 'registry.foo.com', 'my.domain.ltd:80', ''],
    ['my.domain.ltd:443', 'registry.com:443', 'ffoo.com'],
  ],
  ['any', ['localhost:5000'], ['localhost:5000'], ['localhost']],
];

test('patterns let registries in by host and port, as OpenShift does', () => {
  for (const [transport, patterns, yes, no] of MATRIX) {
    for (const registry of yes) {
      assert.equal(
        refusal(allow(...patterns), registry, transport),
        undefined,
        `${transport} ${patterns.join()} ${registry}`,
      );
    }
    for (const registry of no) {
      assert.ok(refusal(allow(...patterns), registry, transport), `${transport} ${patterns.join()} ${registry}`);
    }
  }
});

test('a refusal names the registry and up to five patterns', () => {
  assert.equal(
    refusal(allow('localhost:5000', 'docker.io'), 'quay.io', 'secure'),
    'registry "quay.io" not allowed by whitelist: "localhost:5000", "docker.io:443"',
  );
  assert.equal(refusal(allow('a', 'b', 'c', 'd', 'e'), 'x', 'any')?.endsWith('"d:443", "e:443"'), true);
  assert.equal(
    refusal(allow('a', 'b', 'c', 'd', 'e', 'f'), 'x', 'any'),
    'registry "x" not allowed by whitelist: "a:443", "b:443", "c:443", "d:443", and 2 more ...',
  );
  assert.equal(refusal(allow('a'), '', 'secure'), 'registry "docker.io:443" not allowed by whitelist: "a:443"');
  assert.equal(refusal(allow('a'), '', 'any'), 'registry "docker.io" not allowed by whitelist: "a:443"');
});

test('the own registry is always let in, and named first', () => {
  const allowed = allowedRegistries([parsePattern('quay.io'), parsePattern('quay.io')], 'registry.test:5000');
  assert.equal(refusal(allowed, 'registry.test:5000', 'secure'), undefined);
  assert.equal(
    refusal(allowed, 'x', 'secure'),
    'registry "x" not allowed by whitelist: "registry.test:5000", "quay.io:443"',
  );
  assert.equal(
    refusal(allowedRegistries([parsePattern('quay.io')], 'registry.test'), 'registry.test', 'secure'),
    undefined,
  );
  assert.deepEqual(allowedRegistries([], '[::1]:5000').patterns, []);
});

test('repositories that are in use already are let in, whatever their tag or digest', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const allowed = alsoAllowed(allow('quay.io'), ['busybox:glibc', 'example.com/a/b:1', 'No Reference']);
  const told = (text: string): string | undefined => registryRefusal(allowed, parseReference(text), 'secure');
  assert.equal(told(`docker.io/library/busybox@${digest}`), undefined);
  assert.equal(told('index.docker.io/busybox') === undefined, false);
  assert.equal(told(`example.com/a/b@${digest}`), undefined);
  assert.ok(told('example.com/a/c'));
});

test('wildcards match as a slow and simple matcher does', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 8 });
  const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(letters, patterns, (host, pattern) => {
      const slow = new RegExp(`^${pattern.replace(/[.*?]/g, (c) => ({ '.': '\\.', '*': '.*', '?': '.' })[c] ?? c)}$`);
      assert.equal(refusal(allow(`${pattern}:*`), host, 'any') === undefined, slow.test(host));
    }),
  );
});

test('a pattern of many stars takes no time', () => {
  const allowed = allow(`${'*a'.repeat(500)}:*`);
  assert.ok(refusal(allowed, 'a'.repeat(499), 'any'));
  assert.ok(refusal(allowed, `${'a'.repeat(5000)}b`, 'any'));
});
