import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseChallenges } from './challenge.ts';

const plain = (header: string | undefined) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test('challenges are told apart from their parameters', () => {
  assert.deepEqual(plain('Bearer realm="https://auth.test/token",service="reg",scope="repository:a/b:pull,push"'), [
    ['bearer', { realm: 'https://auth.test/token', service: 'reg', scope: 'repository:a/b:pull,push' }],
  ]);
  assert.deepEqual(plain('Basic realm="a, b", Bearer realm="x y",error=invalid_token'), [
    ['basic', { realm: 'a, b' }],
    ['bearer', { realm: 'x y', error: 'invalid_token' }],
  ]);
  assert.deepEqual(plain('Negotiate, Basic Realm = "quoted \\"words\\""'), [
    ['negotiate', {}],
    ['basic', { realm: 'quoted "words"' }],
  ]);
  assert.deepEqual(plain(undefined), []);
  assert.deepEqual(plain(''), []);
});

test('any header is read to some end', () => {
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (header) => Array.isArray(parseChallenges(header))));
});
