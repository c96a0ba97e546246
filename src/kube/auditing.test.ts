import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { isChange, isDenial, recordOf } from './auditing.ts';
import { requestInfo } from './route.ts';

function request(method: string, url: string): IncomingMessage {
  return { method, url, headers: {}, socket: { remoteAddress: '10.0.0.1' } } as unknown as IncomingMessage;
}

const infoOf = ({ method = '', url = '' }: IncomingMessage) =>
  requestInfo(method, url.split('?', 1)[0] ?? '', new URLSearchParams(url.split('?', 2)[1] ?? ''));

test('a record says who did what to what, from where, and how it ended', () => {
  const req = request('POST', '/api/v1/namespaces/a/serviceaccounts/x/token?dryRun=All&fieldManager=y');
  const user = { name: 'ann', groups: ['painters'] };
  assert.deepEqual(recordOf({ req, auditId: 'id' }, user, infoOf(req), 201), {
    edge: 'kube',
    requestID: 'id',
    user: 'ann',
    verb: 'create',
    resource: 'serviceaccounts',
    subresource: 'token',
    namespace: 'a',
    name: 'x',
    dryRun: true,
    from: '10.0.0.1',
    code: 201,
  });
});

test('of what is not known, nothing is said; queries are left out', () => {
  const req = request('GET', '/metrics?access_token=secret');
  assert.deepEqual(recordOf({ req, auditId: 'id' }, undefined, undefined, 401, 'Unauthorized'), {
    edge: 'kube',
    requestID: 'id',
    verb: 'get',
    path: '/metrics',
    from: '10.0.0.1',
    code: 401,
    reason: 'Unauthorized',
  });
});

test('writes are changes, questions are not, and neither are reads', () => {
  const changes = (method: string, url: string): boolean => {
    const req = request(method, url);
    return isChange(req, infoOf(req));
  };
  assert.ok(changes('DELETE', '/api/v1/namespaces/a/configmaps/b'));
  assert.ok(changes('PATCH', '/apis/rbac.authorization.k8s.io/v1/clusterroles/b'));
  assert.ok(changes('POST', '/apis/image.openshift.io/v1/namespaces/a/imagestreammappings'));
  assert.ok(!changes('GET', '/api/v1/namespaces/a/configmaps/b'));
  assert.ok(!changes('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'));
  assert.deepEqual([401, 403, 429, 404, 200].filter(isDenial), [401, 403, 429]);
});
