import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlobError, BlobsFull, BlobsUnavailable, DigestMismatch, UploadBusy, UploadUnknown } from '../blobs/blobs.ts';
import { digestOf } from '../image/digest.ts';
import { ManifestInvalid } from '../image/manifest.ts';
import { DomainError, forbiddenField, type Problem } from '../objects/errors.ts';
import { CommitConflict, Compacted, StoreFull, StoreUnavailable } from '../store/store.ts';
import { ManifestReferencesMissing } from '../streams/push.ts';
import { RegistryError, refusalOf } from './errors.ts';

const streams = { group: 'image.openshift.io', resource: 'imagestreams' };
const namespaces = { group: '', resource: 'namespaces' };
const images = { group: 'image.openshift.io', resource: 'images' };

test('every problem of the domain has its code and status', () => {
  const forbidden = forbiddenField('imageStream', 'too many images');
  const cases: readonly (readonly [Problem, number, string])[] = [
    [{ reason: 'Unauthorized', message: 'm' }, 401, 'UNAUTHORIZED'],
    [{ reason: 'Forbidden', resource: streams, name: 'x', message: 'quota exceeded' }, 403, 'DENIED'],
    [{ reason: 'NotFound', resource: namespaces, name: 'x' }, 404, 'NAME_UNKNOWN'],
    [{ reason: 'NotFound', resource: streams, name: 'x' }, 404, 'NAME_UNKNOWN'],
    [{ reason: 'NotFound', resource: images, name: 'x' }, 404, 'MANIFEST_UNKNOWN'],
    [{ reason: 'AlreadyExists', resource: streams, name: 'x' }, 503, 'UNAVAILABLE'],
    [{ reason: 'Conflict', resource: streams, name: 'x', message: 'm' }, 503, 'UNAVAILABLE'],
    [{ reason: 'Invalid', kind: { group: '', kind: 'Image' }, name: 'x', causes: [] }, 400, 'MANIFEST_INVALID'],
    [{ reason: 'Invalid', kind: { group: '', kind: 'ImageStream' }, name: 'x', causes: [forbidden] }, 403, 'DENIED'],
    [{ reason: 'MethodNotAllowed', message: 'm' }, 405, 'UNSUPPORTED'],
    [{ reason: 'NoSuchResource' }, 404, 'UNSUPPORTED'],
    [{ reason: 'RequestEntityTooLarge', message: 'm' }, 413, 'SIZE_INVALID'],
    [{ reason: 'TooManyRequests', message: 'm', retryAfterSeconds: 3 }, 429, 'TOOMANYREQUESTS'],
    [{ reason: 'ServiceUnavailable', message: 'm', retryAfterSeconds: 3 }, 503, 'UNAVAILABLE'],
    [{ reason: 'InsufficientStorage', message: 'm' }, 507, 'UNAVAILABLE'],
    [{ reason: 'BadRequest', message: 'm' }, 400, 'UNKNOWN'],
    [{ reason: 'InternalError', message: 'secret' }, 500, 'UNKNOWN'],
  ];
  for (const [problem, status, code] of cases) {
    const refusal = refusalOf(new DomainError(problem));
    assert.equal(refusal.status, status, problem.reason);
    assert.equal(refusal.errors[0]?.code, code, problem.reason);
    assert.equal(refusal.fault, status === 500);
    assert.equal(refusal.headers['Retry-After'] !== undefined, [429, 503, 507].includes(status), problem.reason);
  }
});

test('errors of the drivers, the parsers and of nobody', () => {
  const [a, b] = [digestOf('a'), digestOf('b')];
  const cases: readonly (readonly [unknown, number, string])[] = [
    [new UploadUnknown(), 404, 'BLOB_UPLOAD_UNKNOWN'],
    [new UploadBusy(), 409, 'BLOB_UPLOAD_INVALID'],
    [new DigestMismatch(a, b), 400, 'DIGEST_INVALID'],
    [new BlobsFull(), 507, 'UNAVAILABLE'],
    [new BlobsUnavailable(), 503, 'UNAVAILABLE'],
    [new BlobError('secret'), 500, 'UNKNOWN'],
    [new StoreFull('secret'), 507, 'UNAVAILABLE'],
    [new StoreUnavailable('secret'), 503, 'UNAVAILABLE'],
    [new CommitConflict('secret', 1), 503, 'UNAVAILABLE'],
    [new Compacted(1), 500, 'UNKNOWN'],
    [new ManifestInvalid('/config', 'must be there'), 400, 'MANIFEST_INVALID'],
    [new RegistryError('RANGE_INVALID', 'm'), 416, 'RANGE_INVALID'],
    [new TypeError('secret'), 500, 'UNKNOWN'],
    ['secret', 500, 'UNKNOWN'],
    [undefined, 500, 'UNKNOWN'],
  ];
  for (const [error, status, code] of cases) {
    const refusal = refusalOf(error);
    assert.equal(refusal.status, status, String(error));
    assert.equal(refusal.errors[0]?.code, code, String(error));
    assert.ok(!JSON.stringify(refusal).includes('secret'), String(error));
  }
});

test('each digest that is missing has an entry of its own', () => {
  const digests = [digestOf('a'), digestOf('b')];
  const { errors, status } = refusalOf(new ManifestReferencesMissing(digests));
  assert.equal(status, 400);
  assert.deepEqual(
    errors.map(({ detail }) => detail),
    digests.map((digest) => ({ digest })),
  );
});
