import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Call, startTestServer, type TestServer, widget } from './testserver.ts';

const BASE = '/apis/things.test/v1/namespaces/one';
const WIDGETS = `${BASE}/widgets`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const MERGE = 'application/merge-patch+json';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

async function ok(method: string, path: string, options?: Call) {
  const answer = await server.call(method, path, options);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer;
}

describe('writes of one object', () => {
  test('create, get, update, patch and delete', async () => {
    const created = await server.call('POST', WIDGETS, { body: widget('w', { spec: { size: 1 } }) });
    assert.equal(created.status, 201);
    assert.equal(created.body.kind, 'Widget');
    assert.equal(created.body.metadata.namespace, 'one');
    assert.equal(created.body.metadata.generation, 1);
    const got = await ok('GET', `${WIDGETS}/w`);
    assert.deepEqual(got.body, created.body);
    assert.equal(got.headers['cache-control'], 'no-cache, private');
    assert.equal(got.headers['content-length'], String(got.text.length));
    assert.ok(got.headers['audit-id']);

    const updated = await ok('PUT', `${WIDGETS}/w`, { body: { ...got.body, spec: { size: 2 } } });
    assert.equal(updated.body.spec.size, 2);
    assert.equal(updated.body.metadata.generation, 2);
    const stale = await server.call('PUT', `${WIDGETS}/w`, { body: got.body });
    assert.equal(stale.status, 409);
    assert.match(
      stale.body.message,
      /^Operation cannot be fulfilled on widgets\.things\.test "w": the object has been mod/,
    );

    const patched = await ok('PATCH', `${WIDGETS}/w`, { type: MERGE, body: { metadata: { labels: { a: 'b' } } } });
    assert.deepEqual(patched.body.metadata.labels, { a: 'b' });
    const same = await ok('PATCH', `${WIDGETS}/w`, { type: MERGE, body: { metadata: { labels: { a: 'b' } } } });
    assert.equal(same.body.metadata.resourceVersion, patched.body.metadata.resourceVersion);

    const deleted = await ok('DELETE', `${WIDGETS}/w`);
    assert.deepEqual(deleted.body, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'w', group: 'things.test', kind: 'widgets', uid: got.body.metadata.uid },
    });
    assert.equal((await server.call('GET', `${WIDGETS}/w`)).status, 404);
    assert.equal((await server.call('DELETE', `${WIDGETS}/w`)).status, 404);
  });

  test('what does not fit is refused', async () => {
    await ok('POST', WIDGETS, { body: widget('x') });
    const cases: [string, string, Call, number, RegExp][] = [
      ['POST', WIDGETS, { body: widget('x') }, 409, /widgets\.things\.test \\?"x\\?" already exists/],
      [
        'POST',
        WIDGETS,
        { body: widget('neg', { spec: { size: -1 } }) },
        422,
        /spec\.size: Invalid value: -1: must not/,
      ],
      ['POST', WIDGETS, { body: widget('y', {}, { namespace: 'two' }) }, 400, /namespace of the provided object/],
      ['POST', WIDGETS, { body: { ...widget('y'), kind: 'Box' } }, 400, /cannot be handled as a Widget/],
      ['POST', WIDGETS, { body: { ...widget('y'), apiVersion: 'v1' } }, 400, /does not match the expected API version/],
      ['POST', WIDGETS, { body: '{"kind":' }, 400, /not valid JSON/],
      ['POST', WIDGETS, { body: 'x', type: 'text/plain' }, 415, /accepted media types include: application\/json/],
      ['POST', WIDGETS, { body: {} }, 422, /metadata.name: Required value: name or generateName is required/],
      ['POST', WIDGETS, { body: widget('y', { spec: { size: 'big' } }) }, 400, /cannot unmarshal/],
      ['POST', `${WIDGETS}?fieldValidation=Strict`, { body: widget('y', { odd: 1 }) }, 400, /unknown field \\"odd\\"/],
      ['POST', `${WIDGETS}?dryRun=Maybe`, { body: widget('y') }, 422, /CreateOptions\.meta\.k8s\.io/],
      [
        'POST',
        '/apis/things.test/v1/namespaces/none/widgets',
        { body: widget('y') },
        404,
        /namespaces \\"none\\" not found/,
      ],
      ['PUT', `${WIDGETS}/x`, { body: widget('z') }, 400, /the name of the object \(z\) does not match/],
      ['PUT', `${WIDGETS}/x`, { body: { kind: 'Widget' } }, 400, /name must be provided/],
      ['PUT', `${WIDGETS}/absent`, { body: widget('absent') }, 404, /not found/],
      ['DELETE', `${WIDGETS}/x`, { body: { preconditions: { uid: 'u' } } }, 409, /fulfilled on Widget\.things\.test/],
      ['DELETE', `${WIDGETS}/x`, { body: { kind: 'Widget' } }, 400, /DeleteOptions/],
      ['DELETE', `${WIDGETS}/x?propagationPolicy=Odd`, {}, 422, /supported values: \\"Foreground\\"/],
      ['PATCH', `${WIDGETS}/x`, { body: {}, type: 'application/json' }, 415, /415: Unsupported Media Type/],
      ['PATCH', `${WIDGETS}/x`, { body: [1], type: MERGE }, 400, /error decoding patch/],
      ['PATCH', `${WIDGETS}/x?force=true`, { body: {}, type: MERGE }, 422, /may not be specified for non-apply/],
      [
        'PATCH',
        `${WIDGETS}/x`,
        { body: { kind: 'Box' }, type: MERGE },
        422,
        /" \\"\\" is invalid: patch: Invalid value/,
      ],
      ['PATCH', `${WIDGETS}/x`, { body: { metadata: { name: 'o' } }, type: MERGE }, 400, /does not match the name/],
      ['PATCH', `${WIDGETS}/x`, { body: { metadata: { resourceVersion: '1' } }, type: MERGE }, 409, /been modified/],
      ['PATCH', `${WIDGETS}/x`, { body: { metadata: { uid: 'u' } }, type: MERGE }, 422, /field is immutable/],
    ];
    for (const [method, path, options, status, words] of cases) {
      const answer = await server.call(method, path, options);
      assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(options)}: ${answer.text}`);
      assert.match(answer.text, words);
      assert.equal(answer.body.code, status);
    }
  });

  test('JSON and strategic patches', async () => {
    await ok('POST', WIDGETS, { body: widget('p', { spec: { parts: [{ name: 'a' }, { name: 'b', weight: 1 }] } }) });
    const json = async (operations: object[]) =>
      server.call('PATCH', `${WIDGETS}/p`, { type: 'application/json-patch+json', body: operations });
    const added = await json([{ op: 'add', path: '/spec/parts/-', value: { name: 'c' } }]);
    assert.deepEqual(
      added.body.spec.parts.map((part: { name: string }) => part.name),
      ['a', 'b', 'c'],
    );
    const failed = await json([{ op: 'test', path: '/spec/size', value: 5 }]);
    assert.equal(failed.status, 422);
    assert.deepEqual(failed.body.details, {});
    assert.equal(failed.body.message, 'the server rejected our request due to an error in our request');
    const odd = { op: 'add', path: '/spec/size', value: 3, why: 'so' };
    const warned = await json([odd]);
    assert.equal(warned.headers.warning, '299 - "json patch unknown field \\"[0].why\\""');
    const strict = await server.call('PATCH', `${WIDGETS}/p?fieldValidation=Strict`, {
      type: 'application/json-patch+json',
      body: [odd],
    });
    assert.equal(strict.status, 422);
    assert.match(strict.body.message, /strict decoding error: json patch unknown field "\[0\]\.why"/);
    const many = await json(new Array(10_001).fill({ op: 'remove', path: '/spec/none' }));
    assert.equal(many.status, 413);
    assert.match(many.body.message, /maximum operations in a JSON patch is 10000, got 10001/);

    const strategic = await ok('PATCH', `${WIDGETS}/p`, {
      type: 'application/strategic-merge-patch+json',
      body: {
        spec: {
          parts: [
            { name: 'b', weight: 2 },
            { $patch: 'delete', name: 'a' },
          ],
        },
      },
    });
    assert.deepEqual(strategic.body.spec.parts, [{ name: 'b', weight: 2 }, { name: 'c' }]);
    const unknown = await ok('PATCH', `${WIDGETS}/p`, { type: MERGE, body: { spec: { odd: 1 } } });
    assert.equal(unknown.headers.warning, '299 - "unknown field \\"spec.odd\\""');
  });

  test('patches of many writers are all there in the end', async () => {
    await ok('POST', WIDGETS, { body: widget('many') });
    const writers = Array.from({ length: 8 }, (_, index) =>
      ok('PATCH', `${WIDGETS}/many`, { type: MERGE, body: { spec: { notes: { [`n${index}`]: 'x' } } } }),
    );
    await Promise.all(writers);
    const { body } = await ok('GET', `${WIDGETS}/many`);
    assert.equal(Object.keys(body.spec.notes).length, 8);
  });

  test('dry runs store nothing', async () => {
    const dry = await server.call('POST', `${WIDGETS}?dryRun=All`, { body: widget('dry') });
    assert.equal(dry.status, 201);
    assert.equal(dry.body.metadata.resourceVersion, undefined);
    assert.equal((await server.call('GET', `${WIDGETS}/dry`)).status, 404);
  });

  test('generateName, warnings and the audit id', async () => {
    const body = { metadata: { generateName: 'gen-' }, odd: 1 };
    const made = await server.call('POST', WIDGETS, { body, headers: { 'audit-id': 'mine' } });
    assert.equal(made.status, 201);
    assert.match(made.body.metadata.name, /^gen-.{5}$/);
    assert.equal(made.headers.warning, '299 - "unknown field \\"odd\\""');
    assert.equal(made.headers['audit-id'], 'mine');
  });

  test('the status subresource leaves the rest alone, and the object leaves the status alone', async () => {
    await ok('POST', WIDGETS, { body: widget('s', { spec: { size: 1 }, status: { phase: 'Forged' } }) });
    const status = await ok('PATCH', `${WIDGETS}/s/status`, {
      type: MERGE,
      body: { spec: { size: 9 }, status: { phase: 'Ready' } },
    });
    assert.deepEqual([status.body.spec.size, status.body.status.phase], [1, 'Ready']);
    const main = await ok('PATCH', `${WIDGETS}/s`, { type: MERGE, body: { status: { phase: 'Forged' } } });
    assert.equal(main.body.status.phase, 'Ready');
    assert.equal((await ok('GET', `${WIDGETS}/s/status`)).body.status.phase, 'Ready');
  });

  test('what is posted to a subresource is of its kind, and so is the answer', async () => {
    const path = `${WIDGETS.replace('widgets', 'boxes')}/b/lid`;
    const made = await server.call('POST', path, {
      body: { kind: 'Lid', apiVersion: 'lids.test/v2', spec: { size: 1 } },
    });
    assert.equal(made.status, 201, made.text);
    assert.deepEqual(
      [made.body.kind, made.body.apiVersion, made.body.metadata.name, made.body.spec],
      ['Lid', 'lids.test/v2', 'b', { size: 1 }],
    );
    const other = await server.call('POST', path, { body: { kind: 'Box', apiVersion: 'things.test/v1' } });
    assert.equal(other.status, 400, other.text);
    assert.equal((await server.call('GET', path)).status, 405);
  });

  test('finalizers hold an object back', async () => {
    await ok('POST', WIDGETS, { body: widget('held', {}, { finalizers: ['things.test/x'] }) });
    const held = await ok('DELETE', `${WIDGETS}/held`);
    assert.equal(held.body.kind, 'Widget');
    assert.ok(held.body.metadata.deletionTimestamp);
    await ok('PATCH', `${WIDGETS}/held`, { type: MERGE, body: { metadata: { finalizers: null } } });
    assert.equal((await server.call('GET', `${WIDGETS}/held`)).status, 404);
  });
});

describe('server-side apply', () => {
  const APPLY = 'application/apply-patch+yaml';
  const apply = (name: string, body: unknown, manager: string, more = '') =>
    server.call('PATCH', `${WIDGETS}/${name}?fieldManager=${manager}${more}`, { type: APPLY, body });

  test('managers make, share and take over fields', async () => {
    const made = await apply('applied', widget('applied', { spec: { size: 1, color: 'red' } }), 'one');
    assert.equal(made.status, 201, made.text);
    assert.equal(made.body.metadata.managedFields[0].manager, 'one');
    const same = await apply('applied', widget('applied', { spec: { size: 1, color: 'red' } }), 'one');
    assert.deepEqual([same.status, same.body.metadata.resourceVersion], [200, made.body.metadata.resourceVersion]);
    const conflict = await apply('applied', widget('applied', { spec: { color: 'blue' } }), 'two');
    assert.deepEqual([conflict.status, conflict.body.reason], [409, 'Conflict']);
    assert.equal(conflict.body.message, 'Apply failed with 1 conflict: conflict with "one": .spec.color');
    const forced = await apply('applied', widget('applied', { spec: { color: 'blue' } }), 'two', '&force=true');
    assert.deepEqual(forced.body.spec, { size: 1, color: 'blue' });
    const dropped = await apply(
      'applied',
      'kind: Widget\napiVersion: things.test/v1\nmetadata: {name: applied}\n',
      'one',
    );
    assert.deepEqual(dropped.body.spec, { color: 'blue' });
  });

  test('what is no configuration is refused', async () => {
    for (const [body, query, status, words] of [
      [widget('r'), '', 422, /fieldManager: Required value: is required for apply patch/],
      [{ metadata: { name: 'r' } }, '?fieldManager=m', 400, /invalid object type: /],
      [widget('other'), '?fieldManager=m', 400, /does not match the name on the URL/],
      [widget('r', { odd: 1 }), '?fieldManager=m', 400, /unknown field/],
      ['kind: [', '?fieldManager=m', 400, /YAML/],
      [widget('r', {}, { managedFields: [{ manager: 'x' }] }), '?fieldManager=m', 400, /must be nil/],
    ] as const) {
      const answer = await server.call('PATCH', `${WIDGETS}/r${query}`, { type: APPLY, body });
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.text, words);
    }
  });
});

test('a body that is too large is refused in words, even while it is being sent', async () => {
  const body = JSON.stringify(widget('large', { spec: { notes: { a: 'x'.repeat(6 << 20) } } }));
  const answer = await server.call('POST', WIDGETS, { body });
  assert.deepEqual([answer.status, answer.body.reason], [413, 'RequestEntityTooLarge']);
  assert.equal(answer.body.message, 'Request entity too large: limit is 3145728');
});

describe('computed resources', () => {
  const halves = `${BASE}/halves`;
  test('are read and written through their own functions', async () => {
    const got = await ok('GET', `${halves}/a:b@c%3Ad`);
    assert.deepEqual(
      [got.body.kind, got.body.apiVersion, got.body.metadata.name],
      ['Half', 'things.test/v1', 'a:b@c:d'],
    );
    const list = await ok('GET', `${halves}?labelSelector=name=b`);
    assert.deepEqual(list.body.metadata, {});
    assert.deepEqual(
      list.body.items.map((item: { metadata: { name: string } }) => item.metadata.name),
      ['b'],
    );
    const created = await server.call('POST', halves, { body: { metadata: { name: 'n' } } });
    assert.deepEqual([created.status, created.body.status], [201, 'Success']);
    const body = { metadata: { labels: { x: 'y' } } };
    assert.equal((await server.call('PATCH', `${halves}/new`, { type: MERGE, body })).status, 201);
    const patched = await server.call('PATCH', `${halves}/old`, { type: MERGE, body });
    assert.deepEqual([patched.status, patched.body.metadata.labels.x], [200, 'y']);
    assert.deepEqual((await ok('DELETE', `${halves}/a`)).body.details, undefined);
    const watch = await server.call('GET', `${halves}?watch=1`);
    assert.equal(watch.status, 405);
    assert.deepEqual(watch.body.details, { group: 'things.test', kind: 'halves' });
  });
});

describe('who may', () => {
  test('no user is 401, no right is 403', async () => {
    const nobody = await server.call('GET', '/apis', { user: 'nobody' });
    assert.deepEqual(nobody.body, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
    const denied = await server.call('GET', `${WIDGETS}/b`, { user: 'reader' });
    assert.equal(denied.status, 403);
    assert.equal(
      denied.body.message,
      'widgets.things.test "b" is forbidden: User "reader" cannot get resource "widgets" in API group "things.test" in the namespace "one"',
    );
    assert.deepEqual(denied.body.details, { name: 'b', group: 'things.test', kind: 'widgets' });
    const path = await server.call('GET', '/version', { user: 'reader' });
    assert.equal(path.body.message, 'forbidden: User "reader" cannot get path "/version"');
    const named = await server.call('GET', `${WIDGETS}?fieldSelector=metadata.name=a`, { user: 'reader' });
    assert.equal(named.status, 200);
    assert.equal((await server.call('GET', WIDGETS, { user: 'reader' })).status, 403);
  });

  test('paths that lead nowhere', async () => {
    for (const [method, path, status, message] of [
      ['GET', '/apis/none.test/v1/widgets', 404, undefined],
      ['GET', '/apis/things.test/v9/widgets', 404, 'the server could not find the requested resource'],
      ['GET', `${BASE}/gadgets`, 404, 'the server could not find the requested resource'],
      ['GET', `${WIDGETS}/a/scale`, 404, 'the server could not find the requested resource'],
      ['GET', '/apis/things.test/v1/widgets/a', 404, 'the server could not find the requested resource'],
      ['PUT', WIDGETS, 405, 'the server does not allow this method on the requested resource'],
      ['POST', `${WIDGETS}/a`, 405, 'the server does not allow this method on the requested resource'],
      ['POST', '/apis/things.test/v1/widgets', 405, 'the server does not allow this method on the requested resource'],
      ['DELETE', `${BASE}/halves`, 405, 'the server does not allow this method on the requested resource'],
      ['POST', '/apis/things.test/v1', 405, 'the server does not allow this method on the requested resource'],
      ['GET', '/apis/things.test/v9', 404, 'the server could not find the requested resource'],
      ['GET', '/%ff', 400, undefined],
    ] as const) {
      const answer = await server.call(method, path);
      assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
      if (message !== undefined) assert.equal(answer.body.message, message);
    }
    assert.equal((await server.call('GET', '/nowhere')).text, '404 page not found\n');
    assert.equal((await server.call('HEAD', `${WIDGETS}/a`)).status, 405);
  });

  test('documents', async () => {
    const groups = await ok('GET', '/apis/');
    assert.equal(groups.body.kind, 'APIGroupList');
    assert.equal((await ok('GET', '/apis/things.test/v1')).body.kind, 'APIResourceList');
    assert.ok((await ok('GET', '/version')).body.gitVersion);
    assert.ok((await ok('GET', '/openapi/v3', { accept: 'application/json' })).text.includes('apis/things.test/v1'));
    assert.equal((await server.call('GET', '/apis', { accept: 'text/html' })).status, 406);
  });
});

describe('forms', () => {
  test('tables, metadata and YAML', async () => {
    await ok('POST', WIDGETS, { body: widget('form', { spec: { size: 7 } }) });
    const table = await ok('GET', `${WIDGETS}/form`, { accept: TABLE });
    assert.deepEqual(table.body.rows[0].cells, ['form', 7]);
    assert.equal(table.body.rows[0].object.kind, 'PartialObjectMetadata');
    const list = await ok('GET', `${WIDGETS}?fieldSelector=metadata.name=form`, {
      accept: `${TABLE},application/json`,
    });
    assert.deepEqual(list.body.rows.length, 1);
    const partial = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
    const metadata = await ok('GET', `${WIDGETS}?fieldSelector=metadata.name=form`, { accept: partial });
    assert.equal(metadata.body.kind, 'PartialObjectMetadataList');
    assert.equal(metadata.body.items[0].metadata.name, 'form');
    assert.equal(metadata.body.items[0].spec, undefined);
    assert.equal((await server.call('GET', `${WIDGETS}/form`, { accept: partial })).status, 406);
    const yaml = await ok('GET', `${WIDGETS}?fieldSelector=metadata.name=form`, { accept: 'application/yaml' });
    assert.match(yaml.text, /^apiVersion: things\.test\/v1\nitems:\n- metadata:\n[\s\S]*size: 7\nkind: WidgetList\n/);
    const pretty = await ok('GET', `${WIDGETS}?pretty=true`);
    assert.match(pretty.text, /^{\n {2}"kind": "WidgetList",\n[\s\S]*\n {2}"items": \[\n {4}{\n {6}"metadata"/);
    assert.deepEqual(JSON.parse(pretty.text), (await ok('GET', WIDGETS)).body);
    const made = await server.call('POST', WIDGETS, { body: widget('tabled'), accept: TABLE });
    assert.deepEqual([made.status, made.body.kind], [201, 'Table']);
    assert.equal(
      (await server.call('POST', `${BASE}/widgets`, { body: widget('n'), accept: 'text/html' })).status,
      406,
    );
    assert.equal((await server.call('GET', `${WIDGETS}?includeObject=Odd`, { accept: TABLE })).status, 400);
  });

  test('YAML bodies', async () => {
    const body = 'kind: Widget\napiVersion: things.test/v1\nmetadata:\n  name: yaml\nspec: {size: 3}\n';
    const made = await server.call('POST', WIDGETS, { body, type: 'application/yaml' });
    assert.deepEqual([made.status, made.body.spec.size], [201, 3]);
  });
});

test('nothing unexpected was met', () => {
  assert.deepEqual(server.reported, []);
});
