import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameOf, parseS3Address } from './address.ts';

function problemOf(text: string): string {
  const parsed = parseS3Address(text);
  assert.ok('problem' in parsed, text);
  return parsed.problem;
}

test('a bucket alone is one of AWS, named in the host', () => {
  assert.deepEqual(parseS3Address('s3://images'), {
    bucket: 'images',
    prefix: '',
    endpoint: undefined,
    region: undefined,
    pathStyle: false,
    ca: undefined,
    redirect: false,
    checksums: true,
  });
});

test('every parameter has its place', () => {
  const text =
    's3://images/prod/eu%20west/?endpoint=https://s3.example:9000&region=eu-1&pathStyle=false&ca=/etc/ca.pem&redirect=true&checksums=false';
  assert.deepEqual(parseS3Address(text), {
    bucket: 'images',
    prefix: 'prod/eu west/',
    endpoint: 'https://s3.example:9000',
    region: 'eu-1',
    pathStyle: false,
    ca: '/etc/ca.pem',
    redirect: true,
    checksums: false,
  });
});

test('with an endpoint the bucket stands in the path, unless that is said otherwise', () => {
  const parsed = parseS3Address('s3://images?endpoint=http://127.0.0.1:9000');
  assert.ok(!('problem' in parsed) && parsed.pathStyle);
  assert.equal(nameOf(parsed), 's3://images at http://127.0.0.1:9000');
});

test('what is wrong is said, with the form', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['s3:images', /names no bucket/],
    ['s3://', /names no bucket/],
    ['s3:///prefix', /names no bucket/],
    ['s3://a', /no bucket is called "a"/],
    ['s3://key:secret@images', /credentials do not belong in a URL/],
    ['s3://images?endpoint=127.0.0.1:9000', /endpoint "127.0.0.1:9000" must be http/],
    ['s3://images?endpoint=http://u:p@h', /must be http/],
    ['s3://images?endpoint=http://h/path', /must be http/],
    ['s3://images?redirect=yes', /redirect must be true or false, not "yes"/],
    ['s3://images?pathstyle=true', /unknown parameter "pathstyle"/],
    ['s3://images?region=a&region=b', /says region twice/],
    ['s3://images/../x', /prefix "..\/x" cannot be used/],
    ['s3://images/a//b', /cannot be used/],
    ['s3://images/%zz', /cannot be used/],
  ];
  for (const [text, wanted] of cases) {
    assert.match(problemOf(text), wanted, text);
    assert.match(problemOf(text), /write s3:\/\/BUCKET/, text);
  }
});

test('whatever the text is, it is an address or a problem, and a prefix never leaves the bucket', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `s3://images/${rest}`),
      ),
      (text) => {
        const parsed = parseS3Address(text);
        if ('problem' in parsed) return;
        assert.ok(parsed.prefix === '' || parsed.prefix.endsWith('/'));
        assert.ok(!parsed.prefix.split('/').some((part) => part === '..' || part === '.'));
      },
    ),
  );
});
