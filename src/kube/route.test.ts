import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isProblem } from '../objects/errors.ts';
import type { Resource } from '../objects/resource.ts';
import { attributesOf, Routes, requestInfo } from './route.ts';
import { boxes, halves, widgets } from './testserver.ts';

const namespaces = { ...widgets, group: '', resource: 'namespaces', namespaced: false } as Resource;
const makeOnly = { ...widgets, resource: 'makings', verbs: ['create'], subresources: [] } as unknown as Resource;
const getOnly = { ...widgets, resource: 'looks', verbs: ['get'], subresources: [] } as unknown as Resource;
const routes = new Routes([widgets, boxes, halves, namespaces, makeOnly, getOnly] as unknown as Resource[]);

function info(method: string, url: string) {
  const [path = '', query = ''] = url.split('?');
  return requestInfo(method, path, new URLSearchParams(query));
}

/** `verb resource/subresource namespace name`, or why not. */
function routed(method: string, url: string): string {
  try {
    const route = routes.find(info(method, url));
    if (!route) return 'no group';
    const sub = route.kind === 'subresource' ? `/${route.subresource.name}` : '';
    return `${route.kind} ${route.verb} ${route.resource.resource}${sub} ${route.namespace || '-'} ${route.name || '-'}`;
  } catch (error) {
    if (isProblem(error, 'NoSuchResource')) return '404';
    if (isProblem(error, 'MethodNotAllowed')) return error.message.startsWith('watch') ? '405 watch' : '405';
    throw error;
  }
}

const T = '/apis/things.test/v1';

test('paths and methods', () => {
  for (const [method, url, expected] of [
    ['GET', `${T}/namespaces/n/widgets/a`, 'object get widgets n a'],
    ['GET', `${T}/namespaces/n/widgets/a?watch=true`, 'object get widgets n a'],
    ['GET', `${T}/namespaces/n/widgets/s%3At%40x`, 'object get widgets n s:t@x'],
    ['GET', `${T}/namespaces/n/widgets/s:t@sha256:ab`, 'object get widgets n s:t@sha256:ab'],
    ['PUT', `${T}/namespaces/n/widgets/a`, 'object update widgets n a'],
    ['PATCH', `${T}/namespaces/n/widgets/a`, 'object patch widgets n a'],
    ['DELETE', `${T}/namespaces/n/widgets/a`, 'object delete widgets n a'],
    ['GET', `${T}/namespaces/n/widgets`, 'collection list widgets n -'],
    ['GET', `${T}/namespaces/n/widgets/`, 'collection list widgets n -'],
    ['GET', `${T}/namespaces/n/widgets?watch=1`, 'collection watch widgets n -'],
    ['GET', `${T}/namespaces/n/widgets?watch=`, 'collection watch widgets n -'],
    ['GET', `${T}/namespaces/n/widgets?watch=False`, 'collection list widgets n -'],
    ['POST', `${T}/namespaces/n/widgets`, 'collection create widgets n -'],
    ['DELETE', `${T}/namespaces/n/widgets`, 'collection deletecollection widgets n -'],
    ['GET', `${T}/widgets`, 'collection list widgets - -'],
    ['GET', `${T}/widgets?watch=1`, 'collection watch widgets - -'],
    ['GET', `${T}/watch/namespaces/n/widgets`, 'collection watch widgets n -'],
    ['GET', `${T}/watch/namespaces/n/widgets/a`, 'collection watch widgets n a'],
    ['GET', `${T}/watch/widgets`, 'collection watch widgets - -'],
    ['GET', `${T}/namespaces/n/widgets/a/status`, 'subresource get widgets/status n a'],
    ['PATCH', `${T}/namespaces/n/widgets/a/status`, 'subresource patch widgets/status n a'],
    ['GET', '/api/v1/namespaces', 'collection list namespaces - -'],
    ['GET', '/api/v1/namespaces/n', 'object get namespaces - n'],
    ['GET', '/api/v1/namespaces/n/status', 'subresource get namespaces/status - n'],
    // What there is no road to.
    ['GET', '/apis/none.test/v1/widgets', 'no group'],
    ['GET', '/apis/things.test/v2/widgets', '404'],
    ['GET', '/api/v1/namespaces/n/namespaces', '404'],
    ['GET', '/api/v1/namespaces/n/widgets', '404'],
    ['GET', `${T}/widgets/a`, '404'],
    ['GET', `${T}/namespaces/n/widgets/a/scale`, '404'],
    ['GET', `${T}/namespaces/n/widgets/a/status/x`, '404'],
    ['GET', `${T}/namespaces/n/boxes/a/status`, '404'],
    ['GET', `${T}/watch/namespaces/n/halves`, '404'],
    ['GET', `${T}/namespaces/n/looks`, '404'],
    ['POST', `${T}/namespaces/n/looks`, '404'],
    ['POST', `${T}/makings`, '404'],
    ['GET', `${T}/namespaces/n/makings/a`, '404'],
    // What is there, for other methods.
    ['GET', `${T}/namespaces/n/makings`, '405'],
    ['GET', `${T}/namespaces/n/makings?watch=1`, '405'],
    ['PUT', `${T}/namespaces/n/looks/a`, '405'],
    ['PUT', `${T}/namespaces/n/widgets`, '405'],
    ['POST', `${T}/namespaces/n/widgets/a`, '405'],
    ['POST', `${T}/widgets`, '405'],
    ['DELETE', `${T}/widgets`, '405'],
    ['DELETE', `${T}/namespaces/n/halves`, '405'],
    ['DELETE', `${T}/namespaces/n/widgets/a/status`, '405'],
    ['HEAD', `${T}/namespaces/n/widgets/a`, '405'],
    ['OPTIONS', `${T}/namespaces/n/widgets`, '405'],
    ['GET', `${T}/namespaces/n/halves?watch=1`, '405 watch'],
  ] as const) {
    assert.equal(routed(method, url), expected, `${method} ${url}`);
  }
});

test('what an authorizer is asked', () => {
  const ask = (method: string, url: string) => attributesOf(info(method, url));
  assert.deepEqual(ask('GET', '/apis/things.test/v1/'), { verb: 'get', path: '/apis/things.test/v1/' });
  assert.deepEqual(ask('POST', '/version'), { verb: 'post', path: '/version' });
  const widget = { group: 'things.test', resource: 'widgets', namespace: 'n' };
  assert.deepEqual(ask('PUT', `${T}/namespaces/n/widgets/a/status`), {
    verb: 'update',
    ...widget,
    subresource: 'status',
    name: 'a',
  });
  assert.deepEqual(ask('DELETE', `${T}/namespaces/n/widgets`), { verb: 'deletecollection', ...widget });
  assert.deepEqual(ask('GET', `${T}/namespaces/n/widgets?fieldSelector=metadata.name%3Da`), {
    verb: 'list',
    ...widget,
    name: 'a',
  });
  assert.deepEqual(ask('GET', `${T}/namespaces/n/widgets?fieldSelector=metadata.name!%3Da`), {
    verb: 'list',
    ...widget,
  });
  assert.deepEqual(ask('GET', `${T}/namespaces/n/widgets?fieldSelector=%3D%5C`), { verb: 'list', ...widget });
  assert.deepEqual(ask('GET', `${T}/watch/namespaces/n/widgets/a`), { verb: 'watch', ...widget, name: 'a' });
  assert.deepEqual(ask('GET', '/api/v1/namespaces/n'), {
    verb: 'get',
    group: '',
    resource: 'namespaces',
    namespace: 'n',
    name: 'n',
  });
  const project = { group: 'things.test', resource: 'projects' };
  const named = (method: string, url: string) => attributesOf(info(method, url), true);
  assert.deepEqual(named('GET', `${T}/projects/p`), { verb: 'get', ...project, namespace: 'p', name: 'p' });
  assert.deepEqual(named('GET', `${T}/projects`), { verb: 'list', ...project });
});

test('paths that cannot be read', () => {
  for (const path of ['/apis/%zz', '/api/v1/namespaces/%00']) {
    assert.throws(
      () => requestInfo('GET', path, new URLSearchParams()),
      (error) => isProblem(error, 'BadRequest'),
    );
  }
});
