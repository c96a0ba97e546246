import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlobsFull, BlobsUnavailable, UploadUnknown } from '../blobs.ts';
import { CutShort, failureOf, isMisconfigured, isMissing, isPassing, s3Error } from './failure.ts';

/** An error as the SDK throws it. */
function answered(name: string, httpStatusCode: number, message = 'words of S3'): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}

/** An error of the system on the way to S3. */
function broken(code: string): Error {
  return Object.assign(new Error(`connect ${code}`), { code });
}

function said(error: Error): string {
  const told = s3Error(error, 'write blobs/x', 's3://images');
  assert.ok(told instanceof BlobsUnavailable);
  assert.equal(told.cause, error);
  return told.message;
}

test('what passes by itself is tried again, what does not is not', () => {
  const passing = [
    answered('SlowDown', 503),
    answered('InternalError', 500),
    answered('TooManyRequestsException', 429),
    answered('RequestTimeout', 400),
    broken('ECONNRESET'),
    broken('ECONNREFUSED'),
    new CutShort('ended early'),
    Object.assign(new Error('aborted'), { name: 'AbortError' }),
  ];
  const lasting = [
    answered('AccessDenied', 403),
    answered('NoSuchBucket', 404),
    answered('NoSuchKey', 404),
    answered('InvalidPart', 400),
    Object.assign(new Error('none'), { name: 'CredentialsProviderError' }),
    new TypeError('a bug'),
  ];
  for (const error of passing) assert.equal(isPassing(failureOf(error)), true, error.message);
  for (const error of lasting) assert.equal(isPassing(failureOf(error)), false, error.message);
});

test('only the missing object is missing: a missing bucket is not', () => {
  assert.ok(isMissing(failureOf(answered('NoSuchKey', 404))));
  assert.ok(isMissing(failureOf(answered('NotFound', 404))));
  assert.ok(!isMissing(failureOf(answered('NoSuchBucket', 404))));
  assert.ok(!isMissing(failureOf(answered('XAdminUserNotFound', 404))));
});

test('each message says what it was about, where, and what to do', () => {
  assert.match(
    said(answered('NoSuchBucket', 404)),
    /^cannot write blobs\/x: s3:\/\/images: there is no such bucket; create it/,
  );
  assert.match(said(answered('SignatureDoesNotMatch', 403)), /check AWS_SECRET_ACCESS_KEY/);
  assert.match(said(answered('InvalidAccessKeyId', 403)), /check AWS_ACCESS_KEY_ID/);
  assert.match(said(answered('AccessDenied', 403)), /may not do this \(AccessDenied\); allow s3:GetObject/);
  assert.match(said(answered('RequestTimeTooSkewed', 403)), /clock/);
  assert.match(said(answered('PermanentRedirect', 301, 'use eu-1')), /\?region=.*use eu-1/);
  assert.match(said(broken('ECONNREFUSED')), /connection refused\); check/);
  assert.match(said(broken('DEPTH_ZERO_SELF_SIGNED_CERT')), /\?ca=FILE/);
  assert.match(said(answered('SlowDown', 503)), /answered 503 SlowDown/);
  assert.match(said(Object.assign(new Error('x'), { name: 'TimeoutError' })), /did not answer in time/);
  assert.match(said(Object.assign(new Error('x'), { name: 'CredentialsProviderError' })), /no credentials were found/);
});

test('what somebody must put right is told from what passes', () => {
  assert.ok(isMisconfigured(failureOf(answered('NoSuchBucket', 404))));
  assert.ok(isMisconfigured(failureOf(answered('AccessDenied', 403))));
  assert.ok(!isMisconfigured(failureOf(answered('SlowDown', 503))));
  assert.ok(!isMisconfigured(failureOf(broken('ECONNREFUSED'))));
});

test('a full bucket is full, and errors of the seam stay as they are', () => {
  assert.ok(s3Error(answered('QuotaExceeded', 403), 'write', 's3://images') instanceof BlobsFull);
  assert.ok(s3Error(answered('XMinioStorageFull', 507), 'write', 's3://images') instanceof BlobsFull);
  const unknown = new UploadUnknown('gone');
  assert.equal(s3Error(unknown, 'write', 's3://images'), unknown);
});
