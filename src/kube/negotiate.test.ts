import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DomainError } from '../objects/errors.ts';
import { bodyType, negotiate, patchType } from './negotiate.ts';
import { statusOf } from './status.ts';

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return JSON.stringify(statusOf(error).status);
  }
  return 'accepted';
}

function chosen(accept: string | undefined, request = {}): string {
  const { form, encoding, apiVersion } = negotiate(accept, request);
  return `${form} ${encoding} ${apiVersion}`;
}

test('the object itself, as JSON unless YAML is wanted', () => {
  for (const accept of [
    undefined,
    '',
    '*/*',
    'application/*',
    'application/json; charset=utf-8',
    'application/vnd.unknown+x,application/json',
    'application/vnd.kubernetes.protobuf,application/json',
  ]) {
    assert.equal(chosen(accept), 'object json meta.k8s.io/v1', String(accept));
  }
  assert.equal(chosen('application/yaml'), 'object yaml meta.k8s.io/v1');
  assert.equal(chosen('application/json;q=0.5, application/yaml'), 'object yaml meta.k8s.io/v1');
  assert.equal(chosen('application/json;stream=watch'), 'object json meta.k8s.io/v1');
});

test('tables and metadata', () => {
  const kubectl =
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';
  assert.equal(chosen(kubectl), 'table json meta.k8s.io/v1');
  assert.equal(chosen(kubectl, { plain: true }), 'object json meta.k8s.io/v1');
  assert.equal(chosen('application/json;as=Table;v=v1beta1;g=meta.k8s.io'), 'table json meta.k8s.io/v1beta1');
  assert.equal(chosen('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'), 'partial json meta.k8s.io/v1');
  assert.equal(
    chosen(
      'application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
    ),
    'partialList json meta.k8s.io/v1',
  );
  assert.equal(
    chosen('application/json;as=Table;v=v9;g=meta.k8s.io,application/json;q=0.1'),
    'object json meta.k8s.io/v1',
  );
});

const PARAMETERS =
  '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf","reason":"NotAcceptable","code":406}';

test('406 for a form that is not offered', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
  for (const accept of [
    'application/json;as=Table;v=v1alpha1;g=meta.k8s.io',
    'application/json;as=Chair;v=v1;g=meta.k8s.io',
    'application/json;as=toString;v=v1;g=meta.k8s.io',
    'application/vnd.kubernetes.protobuf',
  ]) {
    assert.equal(
      refusal(() => negotiate(accept)),
      PARAMETERS,
      accept,
    );
  }
  assert.equal(
    refusal(() => negotiate(table, { plain: true })),
    PARAMETERS,
  );
});

test('406 for a type that is not offered', () => {
  assert.equal(
    refusal(() => negotiate('text/html')),
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"406: Not Acceptable\\n\\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf","reason":"NotAcceptable","details":{},"code":406}',
  );
  assert.match(
    refusal(() => negotiate('image/png', { list: true })),
    /protobuf, application\/json;stream=watch, /,
  );
  assert.notEqual(
    refusal(() => negotiate('application/json;q=0')),
    'accepted',
  );
});

test('indented for people', () => {
  assert.equal(negotiate(undefined, { pretty: 'true' }).pretty, true);
  assert.equal(negotiate(undefined, { pretty: 'maybe', userAgent: 'curl/8' }).pretty, false);
  assert.equal(negotiate(undefined, { userAgent: 'curl/8' }).pretty, true);
  assert.equal(negotiate(undefined, { userAgent: 'kubectl/1.35' }).pretty, false);
});

test('whatever is accepted, it is an answer or NotAcceptable', () => {
  const words = fc.constantFrom(
    'application',
    'json',
    '*',
    '/',
    ';',
    ',',
    '=',
    'as',
    'Table',
    'q',
    '0.5',
    '"',
    ' ',
    'g',
    'v',
    'meta.k8s.io',
    'v1',
  );
  fc.assert(
    fc.property(
      fc.array(words).map((list) => list.join('')),
      (accept) => {
        try {
          negotiate(accept);
        } catch (error) {
          assert.ok(error instanceof DomainError && error.problem.reason === 'NotAcceptable');
        }
      },
    ),
  );
});

test('types of bodies', () => {
  assert.equal(bodyType(undefined), 'json');
  assert.equal(bodyType(''), 'json');
  assert.equal(bodyType('Application/JSON; charset=utf-8'), 'json');
  assert.equal(bodyType('application/yaml'), 'yaml');
  assert.equal(bodyType('application/vnd.kubernetes.protobuf'), 'protobuf');
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/cbor', 'nonsense']) {
    assert.equal(
      refusal(() => bodyType(type)),
      '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf","reason":"UnsupportedMediaType","code":415}',
    );
  }
});

test('types of patches', () => {
  assert.equal(patchType('application/merge-patch+json; charset=utf-8'), 'merge');
  assert.equal(patchType('application/apply-patch+yaml'), 'apply');
  for (const type of [undefined, '', 'application/json', 'text/plain', 'application/vnd.kubernetes.protobuf']) {
    assert.equal(
      refusal(() => patchType(type)),
      '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"415: Unsupported Media Type","reason":"UnsupportedMediaType","details":{},"code":415}',
    );
  }
});
