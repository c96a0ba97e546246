import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { describeLocation, parseEtcdUrl } from './location.ts';

const MIB = 1024 * 1024;

test('a location has endpoints, a prefix, a user and certificates', () => {
  assert.deepEqual(parseEtcdUrl('etcd://127.0.0.1'), { endpoints: ['127.0.0.1:2379'], prefix: '/headgate' });
  assert.deepEqual(parseEtcdUrl('etcd://h1:1,[::1]:2,h1:1/a/b/'), { endpoints: ['h1:1', '[::1]:2'], prefix: '/a/b' });
  assert.deepEqual(parseEtcdUrl('etcds://me:p%40ss%3A:x@h1/p?ca=ca.crt&cert=/c.crt&key=/c.key&cache=64'), {
    endpoints: ['h1:2379'],
    prefix: '/p',
    user: { name: 'me', password: { text: 'p@ss::x' } },
    tls: { ca: resolve('ca.crt'), client: { cert: '/c.crt', key: '/c.key' } },
    cacheBytes: 64 * MIB,
  });
  assert.deepEqual(parseEtcdUrl('etcds://me@h1?password-file=/secret'), {
    endpoints: ['h1:2379'],
    prefix: '/headgate',
    user: { name: 'me', password: { file: '/secret' } },
    tls: {},
  });
});

test('what is wrong is said, and never the password', () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    'etcd:h1': /is written etcd:\/\//,
    'etcd://': /"" must be HOST/,
    'etcd://h1:99999': /"h1:99999" must be HOST/,
    'etcd://h1,,h2': /"" must be HOST/,
    'etcd://h1//x': /the prefix "\/\/x"/,
    [`etcd://h1/${'x'.repeat(128)}`]: /at most 128 bytes/,
    'etcd://h1/%ff': /the prefix/,
    'etcd://me@h1': /a user needs a password/,
    'etcd://:secret@h1': /needs a user/,
    'etcd://me:secret@h1?password-file=x': /exclude each other/,
    'etcd://me:%zz@h1': /percent-encoded/,
    'etcd://me:secret@h1?cert=x': /go together/,
    'etcd://me:secret@h1?tls=1': /"tls" is no parameter/,
    'etcd://me:secret@h1?cache=0': /number of MiB/,
    'etcd://me:secret@h1?ca=': /needs a value/,
  };
  for (const [url, message] of Object.entries(wrong)) {
    const problem = parseEtcdUrl(url);
    assert.ok(typeof problem === 'string', url);
    assert.match(problem, message);
    assert.doesNotMatch(problem, /secret/);
  }
  const location = parseEtcdUrl('etcds://me:secret@h1/p');
  assert.ok(typeof location === 'object');
  assert.equal(describeLocation(location), 'etcds://h1:2379/p');
});
