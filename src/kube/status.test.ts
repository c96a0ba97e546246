import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlobsFull, BlobsUnavailable } from '../blobs/blobs.ts';
import {
  alreadyExists,
  badRequest,
  DomainError,
  forbidden,
  forbiddenField,
  internalError,
  invalid,
  invalidValue,
  modified,
  notFound,
  type Problem,
  required,
} from '../objects/errors.ts';
import { Compacted, RevisionAhead, StoreFull, StoreUnavailable } from '../store/store.ts';
import { statusOf, successStatus } from './status.ts';

const STREAMS = { group: 'image.openshift.io', resource: 'imagestreams' };
const IMAGE = { group: 'image.openshift.io', kind: 'Image' };

function wire(error: unknown): string {
  return JSON.stringify(statusOf(error).status);
}

function wireOf(problem: Problem): string {
  return wire(new DomainError(problem));
}

test('errors about objects', () => {
  assert.equal(
    wire(notFound(STREAMS, 'absent')),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"imagestreams.image.openshift.io \\"absent\\" not found","reason":"NotFound","details":{"name":"absent","group":"image.openshift.io","kind":"imagestreams"},"code":404}',
  );
  assert.equal(
    wire(alreadyExists({ group: '', resource: 'configmaps' }, 'a')),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"configmaps \\"a\\" already exists","reason":"AlreadyExists","details":{"name":"a","kind":"configmaps"},"code":409}',
  );
  assert.equal(
    wire(modified(STREAMS, 'app')),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on imagestreams.image.openshift.io \\"app\\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{"name":"app","group":"image.openshift.io","kind":"imagestreams"},"code":409}',
  );
});

test('forbidden, with a name, without one, and about a path', () => {
  const because = 'User "u" cannot list resource "configmaps" in API group "" in the namespace "n"';
  assert.equal(
    wire(forbidden({ group: '', resource: 'configmaps' }, '', because)),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"configmaps is forbidden: User \\"u\\" cannot list resource \\"configmaps\\" in API group \\"\\" in the namespace \\"n\\"","reason":"Forbidden","details":{"kind":"configmaps"},"code":403}',
  );
  assert.equal(
    wire(forbidden({ group: '', resource: '' }, '', 'User "system:anonymous" cannot get path "/api"')),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: User \\"system:anonymous\\" cannot get path \\"/api\\"","reason":"Forbidden","details":{},"code":403}',
  );
  const { status } = statusOf(
    new DomainError({
      reason: 'Forbidden',
      resource: { group: '', resource: 'configmaps' },
      name: 'x',
      message: 'no',
      causes: [{ reason: 'NamespaceTerminating', message: 'm', field: 'metadata.namespace' }],
    }),
  );
  assert.equal(status.message, 'configmaps "x" is forbidden: no');
  assert.deepEqual(status.details?.causes, [
    { reason: 'NamespaceTerminating', message: 'm', field: 'metadata.namespace' },
  ]);
});

test('invalid: one cause, several, and the same one twice', () => {
  assert.equal(
    wire(invalid(IMAGE, '', [required('metadata.name', 'name or generateName is required')])),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Image.image.openshift.io \\"\\" is invalid: metadata.name: Required value: name or generateName is required","reason":"Invalid","details":{"group":"image.openshift.io","kind":"Image","causes":[{"reason":"FieldValueRequired","message":"Required value: name or generateName is required","field":"metadata.name"}]},"code":422}',
  );
  const several = [
    invalidValue('dockerImageManifests[0].size', -1, 'manifest size cannot be negative'),
    required('dockerImageManifests[0].os'),
    forbiddenField('signatures[0].metadata.labels', 'signature labels cannot be set'),
    invalidValue('dockerImageLayers', [{ Name: 'a' }], 'not both'),
  ];
  assert.equal(
    statusOf(invalid(IMAGE, 'x', several)).status.message,
    'Image.image.openshift.io "x" is invalid: [dockerImageManifests[0].size: Invalid value: -1: manifest size cannot be negative, dockerImageManifests[0].os: Required value, signatures[0].metadata.labels: Forbidden: signature labels cannot be set, dockerImageLayers: Invalid value: [{"Name":"a"}]: not both]',
  );
  const twice = invalidValue('metadata.uid', 'u', 'field is immutable');
  const { status } = statusOf(invalid({ group: '', kind: 'ConfigMap' }, 'x', [twice, twice]));
  assert.equal(status.message, 'ConfigMap "x" is invalid: metadata.uid: Invalid value: "u": field is immutable');
  assert.equal(status.details?.causes?.length, 2);
});

test('conflicts of an apply', () => {
  const one = { manager: '"one"', field: '.data.k' };
  assert.equal(
    wireOf({ reason: 'ApplyConflict', conflicts: [one] }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 1 conflict: conflict with \\"one\\": .data.k","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \\"one\\"","field":".data.k"}]},"code":409}',
  );
  const conflicts = [{ manager: '"two"', field: '.data.k' }, one, { manager: '"one"', field: '.metadata.labels.app' }];
  const { status } = statusOf(new DomainError({ reason: 'ApplyConflict', conflicts }));
  assert.equal(
    status.message,
    'Apply failed with 3 conflicts: conflicts with "one":\n- .data.k\n- .metadata.labels.app\nconflicts with "two":\n- .data.k',
  );
  assert.equal(status.details?.causes?.length, 3);
});

test('a patch that cannot be applied', () => {
  assert.equal(
    wire(invalid({ group: '', kind: '' }, '', [])),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server rejected our request due to an error in our request","reason":"Invalid","details":{},"code":422}',
  );
});

test('errors about the request', () => {
  assert.equal(
    wire(badRequest('no')),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"no","reason":"BadRequest","code":400}',
  );
  assert.equal(
    wireOf({ reason: 'NoSuchResource' }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server could not find the requested resource","reason":"NotFound","details":{},"code":404}',
  );
  assert.equal(
    wireOf({ reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource' }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server does not allow this method on the requested resource","reason":"MethodNotAllowed","details":{},"code":405}',
  );
  assert.equal(
    wireOf({
      reason: 'MethodNotAllowed',
      message: 'watch is not supported on resources of kind "imagestreamtags.image.openshift.io"',
    }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"watch is not supported on resources of kind \\"imagestreamtags.image.openshift.io\\"","reason":"MethodNotAllowed","details":{"group":"image.openshift.io","kind":"imagestreamtags"},"code":405}',
  );
  assert.equal(
    wireOf({ reason: 'UnsupportedMediaType', message: '415: Unsupported Media Type' }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"415: Unsupported Media Type","reason":"UnsupportedMediaType","details":{},"code":415}',
  );
  assert.equal(
    wireOf({ reason: 'RequestEntityTooLarge', message: 'limit is 3145728' }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge","code":413}',
  );
  assert.equal(
    wireOf({ reason: 'Unauthorized', message: 'Unauthorized' }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}',
  );
});

test('errors that pass: clients are told when to come again', () => {
  assert.equal(
    wireOf({ reason: 'ResourceVersionTooLarge', asked: 100, current: 5 }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Timeout: Too large resource version: 100, current: 5","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504}',
  );
  assert.equal(
    wireOf({ reason: 'ServerTimeout', resource: { group: '', resource: 'events' }, operation: 'create' }),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"The create operation against events could not be completed at this time, please try again.","reason":"ServerTimeout","details":{"name":"create","kind":"events","retryAfterSeconds":2},"code":500}',
  );
  assert.equal(
    wireOf({ reason: 'Expired', message: 'too old', continue: 'next' }),
    '{"kind":"Status","apiVersion":"v1","metadata":{"continue":"next"},"status":"Failure","message":"too old","reason":"Expired","code":410}',
  );
  const busy = statusOf(new DomainError({ reason: 'TooManyRequests', message: 'slow down', retryAfterSeconds: 3 }));
  assert.deepEqual([busy.code, busy.retryAfterSeconds, busy.status.details], [429, 3, { retryAfterSeconds: 3 }]);
});

test('errors of the store and of the blobs', () => {
  const codes = (error: unknown): unknown[] => {
    const { code, status, retryAfterSeconds } = statusOf(error);
    return [code, status.reason, retryAfterSeconds];
  };
  assert.deepEqual(codes(new StoreFull('disk')), [507, 'InsufficientStorage', 5]);
  assert.deepEqual(codes(new BlobsFull('disk')), [507, 'InsufficientStorage', 5]);
  assert.deepEqual(codes(new StoreUnavailable('down')), [503, 'ServiceUnavailable', 5]);
  assert.deepEqual(codes(new BlobsUnavailable('down')), [503, 'ServiceUnavailable', 5]);
  assert.deepEqual(codes(new Compacted(7)), [410, 'Expired', undefined]);
  assert.deepEqual(codes(new RevisionAhead(7)), [504, 'Timeout', 1]);
});

test('nothing of an unexpected error reaches the client', () => {
  for (const error of [new TypeError('secret'), new StoreUnavailable('secret'), 'secret', undefined]) {
    assert.doesNotMatch(wire(error), /secret/);
  }
  assert.equal(statusOf(new TypeError('secret')).code, 500);
  assert.equal(
    wire(internalError('it broke')),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Internal error occurred: it broke","reason":"InternalError","details":{"causes":[{"message":"it broke"}]},"code":500}',
  );
});

test('success', () => {
  assert.equal(JSON.stringify(successStatus()), '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}');
  assert.equal(
    JSON.stringify(successStatus({ uid: 'u', kind: 'imagestreams', group: 'g', name: 'n' })),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success","details":{"name":"n","group":"g","kind":"imagestreams","uid":"u"}}',
  );
});
