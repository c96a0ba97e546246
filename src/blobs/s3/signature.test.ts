import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryValue, Signer } from './signature.ts';

const REQUEST = {
  method: 'PUT',
  host: 'examplebucket.s3.amazonaws.com',
  path: '/a%20b/c',
  query: `partNumber=3&uploadId=${queryValue('x/y!')}`,
  headers: { 'x-amz-checksum-crc32': 'AAAAAA==' },
};
const KEYS = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };

test('a signature is what another program makes of the same request', () => {
  const signer = new Signer('us-east-1');
  const headers = signer.sign(REQUEST, { ...KEYS, sessionToken: 'TOKEN' }, new Date('2013-05-24T00:00:00.000Z'));
  assert.deepEqual(headers, {
    'x-amz-checksum-crc32': 'AAAAAA==',
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-amz-date': '20130524T000000Z',
    'x-amz-security-token': 'TOKEN',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
      'SignedHeaders=host;x-amz-checksum-crc32;x-amz-content-sha256;x-amz-date;x-amz-security-token, ' +
      'Signature=2863e2c0a8fa274bfd330203c77da95a9155599ea6e9c3050552f78fddfc6568',
  });
});

test('another day and another secret have another key', () => {
  const signer = new Signer('us-east-1');
  const signed = (day: number, secretAccessKey = KEYS.secretAccessKey): string | undefined =>
    signer.sign(REQUEST, { ...KEYS, secretAccessKey }, new Date(Date.UTC(2026, 0, day))).authorization;
  const [first, second, third] = [signed(1), signed(2), signed(1, 'other')];
  assert.equal(new Set([first, second, third]).size, 3);
  assert.equal(signed(1), first);
});
