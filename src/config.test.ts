import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type Config, ConfigError, parseConfig } from './config.ts';
import { ALL_FLAGS, flagHelp } from './flags.ts';

function parse(args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): Config {
  return parseConfig(args, environment);
}

/** What is wrong, as one text. */
function problemsOf(args: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  try {
    parse(args, environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail(`${JSON.stringify(args)} was accepted`);
}

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-config-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'headgate.yaml');
  writeFileSync(file, text);
  return file;
}

test('without any setting everything has its default', () => {
  const data = resolve('headgate-data');
  assert.deepEqual(parse(), {
    data,
    listen: { host: '127.0.0.1', port: 8443 },
    registryListen: { host: '127.0.0.1', port: 5000 },
    registryHost: undefined,
    registryPublicHost: undefined,
    http2: true,
    workers: 1,
    tlsNames: [],
    store: { kind: 'sqlite', file: join(data, 'headgate.db') },
    blobs: { kind: 'filesystem', folder: join(data, 'blobs') },
    htpasswd: join(data, 'htpasswd'),
    oidc: undefined,
    collection: { intervalSeconds: 3600, graceSeconds: 86_400, leaseSeconds: 3600 },
    autoNamespaces: true,
    importAllowPrivate: false,
    importDeny: [],
    importRegistries: [],
    auditLog: join(data, 'audit.log'),
    logLevel: 'info',
    logFormat: 'pretty',
  });
});

test('a flag goes before the environment, the environment before the file, the file before the default', (t) => {
  const file = fileOf(t, 'listen: 127.0.0.3:1\nlog-level: debug\nlog-format: json\ndata: /tmp/from-file\n');
  const environment = { HEADGATE_CONFIG: file, HEADGATE_LISTEN: '127.0.0.2:1', HEADGATE_LOG_LEVEL: 'warn' };
  const config = parse(['--listen', '127.0.0.1:1'], environment);
  assert.equal(config.listen.host, '127.0.0.1');
  assert.equal(config.logLevel, 'warn');
  assert.equal(config.logFormat, 'json');
  assert.equal(config.data, '/tmp/from-file');
  assert.deepEqual(config.store, { kind: 'sqlite', file: '/tmp/from-file/headgate.db' });
  assert.equal(config.registryListen?.port, 5000);
});

const ACCESS_VALUES = {
  htpasswd: '/tmp/h',
  'audit-log': '-',
  'oidc-issuer-url': 'https://login.example.com/realm',
  'oidc-client-id': 'headgate',
  'oidc-username-claim': 'email',
  'oidc-username-prefix': 'oidc:',
  'oidc-groups-claim': 'groups',
  'oidc-groups-prefix': 'oidc:',
  'oidc-required-claim': 'hd=example.com,aal=2',
  'oidc-signing-algs': 'ES256,RS256',
};

const OIDC_CONFIG = {
  issuer: 'https://login.example.com/realm',
  clientId: 'headgate',
  usernameClaim: 'email',
  usernamePrefix: 'oidc:',
  groupsClaim: 'groups',
  groupsPrefix: 'oidc:',
  requiredClaims: new Map([
    ['hd', 'example.com'],
    ['aal', '2'],
  ]),
  algorithms: ['ES256', 'RS256'],
  authorities: '-----BEGIN CERTIFICATE-----',
};

const LISTENING_VALUES: Readonly<Record<string, string>> = {
  listen: '127.0.0.1:0',
  'registry-listen': '0.0.0.0:5001',
  'registry-insecure': 'true',
  'registry-host': 'registry.example.com:5000',
  'registry-public-host': 'images.example.com',
  'disable-http2-serving': 'true',
};

test('every flag works as a flag, in the environment and in the file', (t) => {
  const authorities = fileOf(t, '-----BEGIN CERTIFICATE-----');
  const values: Readonly<Record<string, string>> = {
    data: '/tmp/d',
    ...LISTENING_VALUES,
    workers: '4',
    'tls-san': 'a.example.com,*.b.example.com,10.0.0.1',
    store: 'sqlite:/tmp/s.db',
    blobs: 'file:///tmp/b',
    ...ACCESS_VALUES,
    'oidc-ca-file': authorities,
    'gc-interval': '10m',
    'gc-grace': '7d',
    'gc-lease': '90s',
    'auto-namespaces': 'false',
    'import-allow-private': 'true',
    'import-deny': '10.0.0.0/8,fd00::/8',
    'import-registries': 'quay.io,http://*.test,r?:5000',
    'log-level': 'error',
    'log-format': 'json',
  };
  const flags = ALL_FLAGS.filter(({ name }) => name !== 'config');
  assert.deepEqual(Object.keys(values).sort(), flags.map(({ name }) => name).sort());
  const byFlag = parse(Object.entries(values).map(([name, value]) => `--${name}=${value}`));
  const byVariable = parse(
    [],
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`HEADGATE_${name.toUpperCase().replaceAll('-', '_')}`, value]),
    ),
  );
  const file = fileOf(
    t,
    flags
      .map(({ name, kind }) => `${name}: ${kind === 'boolean' ? values[name] : JSON.stringify(values[name])}\n`)
      .join(''),
  );
  const byFile = parse(['--config', file]);
  assert.deepEqual(byVariable, byFlag);
  assert.deepEqual(byFile, byFlag);
  assert.deepEqual(byFlag, {
    data: '/tmp/d',
    listen: { host: '127.0.0.1', port: 0 },
    registryListen: { host: '0.0.0.0', port: 5001 },
    registryHost: 'registry.example.com:5000',
    registryPublicHost: 'images.example.com',
    http2: false,
    workers: 4,
    tlsNames: ['a.example.com', '*.b.example.com', '10.0.0.1'],
    store: { kind: 'sqlite', file: '/tmp/s.db' },
    blobs: { kind: 'filesystem', folder: '/tmp/b' },
    htpasswd: '/tmp/h',
    oidc: OIDC_CONFIG,
    collection: { intervalSeconds: 600, graceSeconds: 7 * 86_400, leaseSeconds: 90 },
    autoNamespaces: false,
    importAllowPrivate: true,
    importDeny: ['10.0.0.0/8', 'fd00::/8'],
    importRegistries: [
      { host: 'quay.io', port: '443' },
      { host: '*.test', port: '80' },
      { host: 'r?', port: '5000' },
    ],
    auditLog: '-',
    logLevel: 'error',
    logFormat: 'json',
  });
  for (const { name } of ALL_FLAGS) assert.ok(flagHelp().includes(name), name);
});

test('booleans have every common spelling', () => {
  assert.equal(parse(['--no-auto-namespaces']).autoNamespaces, false);
  assert.equal(parse(['--auto-namespaces=false']).autoNamespaces, false);
  assert.equal(parse(['--no-auto-namespaces', '--auto-namespaces']).autoNamespaces, true);
  assert.equal(parse([], { HEADGATE_AUTO_NAMESPACES: '0' }).autoNamespaces, false);
  assert.equal(parse(['--import-allow-private'], { HEADGATE_IMPORT_ALLOW_PRIVATE: 'no' }).importAllowPrivate, true);
});

test('lists may be repeated, and a higher source replaces a lower one', () => {
  assert.deepEqual(parse(['--import-deny', '10.0.0.0/8', '--import-deny=fd00::/8, 1.2.3.4/32']).importDeny, [
    '10.0.0.0/8',
    'fd00::/8',
    '1.2.3.4/32',
  ]);
  assert.deepEqual(parse(['--tls-san', 'a'], { HEADGATE_TLS_SAN: 'b' }).tlsNames, ['a']);
});

test('addresses have every common spelling', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['127.0.0.1:0', '127.0.0.1', 0],
    [':8443', '0.0.0.0', 8443],
    ['[::1]:8443', '::1', 8443],
    ['[::]:65535', '::', 65535],
    ['gate.example.com:443', 'gate.example.com', 443],
  ];
  for (const [text, host, port] of cases) assert.deepEqual(parse(['--listen', text]).listen, { host, port }, text);
  for (const text of [
    '',
    '8443',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:8443',
    '[::1]',
    '[1.2.3.4]:1',
    'a b:1',
    'https://x:1',
  ]) {
    assert.match(problemsOf([`--listen=${text}`]), /^--listen: ".*" must be HOST:PORT, such as/, text);
  }
});

test('workers are some, but not too many; in the file they may be a number', (t) => {
  assert.equal(parse(['--config', fileOf(t, 'workers: 3\n')]).workers, 3);
  for (const text of ['0', '65', '-1', '1.5', 'auto', '']) {
    assert.match(problemsOf([`--workers=${text}`]), /^--workers: ".*" must be a number from 1 to 64$/, text);
  }
  assert.match(problemsOf(['--config', fileOf(t, 'workers: [2]\n')]), /^workers in .* must be a number, not \[2\]$/);
});

test('the plain listener is refused where others can reach it, unless someone says so', () => {
  for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '[::1]']) parse(['--registry-listen', `${host}:0`]);
  for (const host of ['0.0.0.0', '10.0.0.1', '[::]', '[::ffff:127.0.0.1]', '', '127.0.0.1.example.com', 'gate']) {
    assert.match(problemsOf(['--registry-listen', `${host}:5000`]), /^--registry-listen: .*--registry-insecure/, host);
    parse(['--registry-insecure', '--registry-listen', `${host}:5000`]);
  }
  assert.equal(parse(['--registry-listen', 'off']).registryListen, undefined);
  assert.match(problemsOf([], { HEADGATE_REGISTRY_LISTEN: '0.0.0.0:1' }), /^HEADGATE_REGISTRY_LISTEN: /);
});

test('each problem says where it is and what is allowed, and all are told at once', (t) => {
  const file = fileOf(
    t,
    'listn: x\nauto-namespaces: "yes"\nlog-level: 3\nimport-deny: [10.0.0.0/33]\nimport-registries: a:b:c\n',
  );
  const text = problemsOf(['--nope', '--log-format', 'xml', 'word', '--no-data', '--config', file, '--data'], {
    HEADGATE_REGISTRY_INSECURE: 'perhaps',
    HEADGATE_PORT: 'tcp://10.0.0.1:80',
  });
  assert.deepEqual(
    text.split('\n').map((line) => line.split(':', 1)[0]),
    [
      '--nope',
      '"word" is not expected',
      '--no-data',
      '--data',
      'HEADGATE_REGISTRY_INSECURE',
      `listn in ${file}`,
      `auto-namespaces in ${file}`,
      `log-level in ${file}`,
      `import-deny in ${file}`,
      `import-registries in ${file}`,
      '--log-format',
    ],
  );
  assert.match(text, /there is no such setting; allowed are data, listen, /);
  assert.match(text, /"xml" must be one of pretty, json/);
});

test('a file that is missing, no YAML or no mapping is named', (t) => {
  assert.match(problemsOf(['--config', '/nowhere/x.yaml']), /^--config: \/nowhere\/x\.yaml cannot be read/);
  assert.match(problemsOf(['--config', fileOf(t, 'a: [')]), /headgate\.yaml: is no YAML/);
  assert.match(problemsOf(['--config', fileOf(t, '- a\n')]), /headgate\.yaml: must hold settings/);
  assert.equal(parse(['--config', fileOf(t, '# nothing\n')]).logLevel, 'info');
});

test('stores that this build does not have are refused by name', () => {
  assert.match(problemsOf(['--store', 'redis://h1']), /^--store: "redis:" is not supported: .*sqlite: or etcd:/);
  assert.match(problemsOf(['--blobs', 'gs://b/p']), /^--blobs: "gs:" is not supported: .*file:.*s3:/);
  assert.match(problemsOf(['--blobs', 's3://images/p?endpoint=x']), /^--blobs: the endpoint "x" must be http/);
  assert.match(problemsOf(['--store', 'sqlite://host/x']), /names a host/);
  assert.match(problemsOf(['--store', '/tmp/x']), /must be a URL: sqlite:/);
  assert.deepEqual(parse(['--store', 'sqlite:x.db']).store, { kind: 'sqlite', file: resolve('x.db') });
  assert.deepEqual(parse(['--store', 'sqlite:///tmp/x.db']).store, { kind: 'sqlite', file: '/tmp/x.db' });
  assert.deepEqual(parse(['--store', 'etcd://h1,h2:2380/p']).store, {
    kind: 'etcd',
    location: { endpoints: ['h1:2379', 'h2:2380'], prefix: '/p' },
  });
  assert.match(problemsOf(['--store', 'etcd://u:secret@h1/p?x=1']), /^--store: "x" is no parameter of an etcd store/);
});

test('blobs may be in a bucket of S3', () => {
  const { blobs } = parse(['--blobs', 's3://images/prod?endpoint=http://127.0.0.1:9000&redirect=true']);
  assert.ok(blobs.kind === 's3');
  assert.deepEqual(
    [blobs.address.bucket, blobs.address.prefix, blobs.address.endpoint, blobs.address.redirect],
    ['images', 'prod/', 'http://127.0.0.1:9000', true],
  );
});

test('whatever is given, there is a configuration or a list of problems', () => {
  const name = fc.constantFrom(...ALL_FLAGS.map((flag) => `--${flag.name}`), '--no-store', '--x', '-', '--');
  const args = fc.array(
    fc.oneof(
      name,
      fc.string(),
      fc.tuple(name, fc.string()).map(([flag, value]) => `${flag}=${value}`),
    ),
  );
  fc.assert(
    fc.property(args, (given) => {
      try {
        parse(given);
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        assert.ok(error.problems.length > 0);
      }
    }),
    { numRuns: 300 },
  );
});

test('durations are a number and a unit', () => {
  assert.equal(parse(['--gc-interval', 'off']).collection.intervalSeconds, undefined);
  assert.equal(parse(['--gc-grace', '0s']).collection.graceSeconds, 0);
  for (const text of ['1', 'h', '1.5h', '-1s', '1w', '1h30m']) {
    assert.match(problemsOf([`--gc-grace=${text}`]), /must be a number and a unit, such as 90s, 10m, 1h or 7d/);
  }
  assert.match(problemsOf(['--gc-interval=0s']), /at least 1s, or off/);
  assert.match(problemsOf(['--gc-lease=0s']), /at least 1s; a push needs its layers/);
});

test('a provider of OpenID Connect needs a URL and a client, and what else it is told must make sense', () => {
  const url = ['--oidc-issuer-url=https://login.example.com'];
  assert.match(problemsOf(url), /^--oidc-client-id: is missing/);
  assert.match(problemsOf(['--oidc-client-id=x']), /^--oidc-issuer-url: is missing/);
  const both = [...url, '--oidc-client-id=x'];
  assert.deepEqual(parse(both).oidc?.algorithms, ['RS256']);
  assert.match(problemsOf([...both, '--oidc-issuer-url=http://login.example.com']), /must be https/);
  assert.match(problemsOf([...both, '--oidc-signing-algs=HS256']), /"HS256" must be one of RS256/);
  assert.match(problemsOf([...both, '--oidc-required-claim=hd']), /"hd" must be CLAIM=VALUE/);
  assert.match(problemsOf([...both, '--oidc-ca-file=/none']), /\/none cannot be read/);
});
