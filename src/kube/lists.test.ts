import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Call, startTestServer, type TestServer } from './testserver.ts';

const WIDGETS = '/apis/things.test/v1/namespaces/one/widgets';
const EVERYWHERE = '/apis/things.test/v1/widgets';
const BOXES = '/apis/things.test/v1/namespaces/one/boxes';
const OBJECTS = 1203;

let server: TestServer;
before(async () => {
  server = await startTestServer();
  for (let index = 0; index < 7; index++) {
    const labels = { odd: String(index % 2 === 1), n: String(index) };
    await post(WIDGETS, { metadata: { name: `w${index}`, labels }, spec: { color: index < 3 ? 'red' : 'blue' } });
  }
  await post('/apis/things.test/v1/namespaces/two/widgets', { metadata: { name: 'w0' } });
});
after(() => server.close());

async function post(path: string, body: object): Promise<void> {
  const answer = await server.call('POST', path, { body });
  assert.equal(answer.status, 201, answer.text);
}

async function list(query: string, path = WIDGETS, options?: Call) {
  const answer = await server.call('GET', `${path}?${query}`, options);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

const names = (body: { items: { metadata: { name: string } }[] }): string =>
  body.items.map(({ metadata }) => metadata.name).join(' ');

test('a page goes on only if something that is selected is left', async () => {
  const some = await list('labelSelector=odd=true&limit=2');
  assert.equal(names(some), 'w1 w3');
  assert.ok(some.metadata.continue);
  const all = await list('labelSelector=odd=true&limit=3');
  assert.equal(names(all), 'w1 w3 w5');
  assert.equal(all.metadata.continue, undefined);
});

test('a subresource may list some of the objects of another resource', async () => {
  const blue = await list('labelSelector=odd=true', `${BOXES}/any/blue`);
  assert.equal(blue.kind, 'WidgetList');
  assert.equal(names(blue), 'w3 w5');
  const first = await list('limit=2', `${BOXES}/any/blue`);
  assert.equal(names(first), 'w3 w4');
  const rest = await list(`limit=2&continue=${first.metadata.continue}`, `${BOXES}/any/blue`);
  assert.equal(names(rest), 'w5 w6');
  assert.equal(rest.metadata.continue, undefined);
});

describe('selectors', () => {
  test('labels and fields', async () => {
    for (const [query, expected] of [
      ['', 'w0 w1 w2 w3 w4 w5 w6'],
      ['labelSelector=odd=true', 'w1 w3 w5'],
      ['labelSelector=odd%20notin%20(true),n>2', 'w4 w6'],
      ['labelSelector=!odd', ''],
      ['fieldSelector=metadata.name=w3', 'w3'],
      ['fieldSelector=metadata.name=w', ''],
      ['fieldSelector=metadata.name!=w3', 'w0 w1 w2 w4 w5 w6'],
      ['fieldSelector=metadata.namespace=two', ''],
      ['fieldSelector=spec.color=red&labelSelector=odd=false', 'w0 w2'],
      ['fieldSelector=spec.color!=red&limit=0', 'w3 w4 w5 w6'],
    ] as const) {
      assert.equal(names(await list(query)), expected, query);
    }
    const everywhere = await list('fieldSelector=metadata.name=w0', EVERYWHERE);
    assert.equal(names(everywhere), 'w0 w0');
  });

  test('what cannot be read is refused', async () => {
    for (const [query, message] of [
      [
        'fieldSelector=spec.size=1',
        '"spec.size" is not a known field selector: only "metadata.name", "metadata.namespace"',
      ],
      ['fieldSelector=word', "invalid selector: 'word'; can't understand 'word'"],
      ['labelSelector=a%20in%20b', "unable to parse requirement: found 'b' expected: '('"],
      [
        'continue=odd',
        'invalid continue token: continue key is not valid: send the one of the last page as it was received, or none to start anew',
      ],
    ]) {
      const answer = await server.call('GET', `${WIDGETS}?${query}`);
      assert.deepEqual([answer.status, answer.body.message], [400, message]);
    }
  });
});

describe('pages', () => {
  test('follow one another in one snapshot', async () => {
    assert.equal((await list('limit=3&resourceVersion=0')).items.length, (await list('')).items.length);
    const first = await list('limit=3');
    assert.equal(names(first), 'w0 w1 w2');
    assert.equal(first.metadata.remainingItemCount, 4);
    await server.call('DELETE', `${WIDGETS}/w4`);
    const second = await list(`limit=3&continue=${first.metadata.continue}`);
    assert.equal(names(second), 'w3 w4 w5');
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    const third = await list(`limit=3&continue=${second.metadata.continue}`);
    assert.equal(names(third), 'w6');
    assert.equal(third.metadata.continue, undefined);
    assert.equal(third.metadata.remainingItemCount, undefined);
    await post(WIDGETS, { metadata: { name: 'w4', labels: { odd: 'false' } } });

    const selected = await list('limit=2&labelSelector=odd=true');
    assert.equal(names(selected), 'w1 w3');
    assert.equal(selected.metadata.remainingItemCount, undefined);
    assert.equal(names(await list(`limit=2&labelSelector=odd=true&continue=${selected.metadata.continue}`)), 'w5');
    const named = await list('limit=1&fieldSelector=metadata.name=w3');
    assert.deepEqual([names(named), named.metadata.continue], ['w3', undefined]);
  });

  test('versions', async () => {
    const now = (await list('')).metadata.resourceVersion;
    await server.call('DELETE', `${WIDGETS}/w6`);
    assert.equal(names(await list(`resourceVersion=${now}&resourceVersionMatch=Exact`)), 'w0 w1 w2 w3 w4 w5 w6');
    assert.equal(names(await list(`resourceVersion=${now}`)), 'w0 w1 w2 w3 w4 w5');
    assert.equal(names(await list('resourceVersion=0')), 'w0 w1 w2 w3 w4 w5');
    const { body, status, headers } = await server.call('GET', `${WIDGETS}?resourceVersion=99999`);
    assert.deepEqual([status, headers['retry-after']], [504, '1']);
    assert.match(body.message, /Too large resource version: 99999, current: \d+/);
    assert.equal(body.details.causes[0].reason, 'ResourceVersionTooLarge');
    assert.equal((await server.call('GET', `${WIDGETS}/w0?resourceVersion=99999`)).status, 504);
    for (const query of [
      'resourceVersion=abc',
      'resourceVersion=5&continue=eyJ2IjoxLCJyIjoxLCJrIjoiIn0',
      'limit=two',
    ]) {
      assert.equal((await server.call('GET', `${WIDGETS}?${query}`)).status, 400, query);
    }
    const unfit = await server.call('GET', `${WIDGETS}?resourceVersionMatch=Exact`);
    assert.deepEqual([unfit.status, unfit.body.details.kind], [422, 'ListOptions']);
  });

  test('an expired snapshot is 410, with a token that goes on without it', async () => {
    const first = await list('limit=2');
    await server.call('PATCH', `${WIDGETS}/w5`, {
      type: 'application/merge-patch+json',
      body: { metadata: { labels: { late: 'yes' } } },
    });
    await server.store.compact(await server.store.revision());
    const expired = await server.call('GET', `${WIDGETS}?limit=2&continue=${first.metadata.continue}`);
    assert.deepEqual([expired.status, expired.body.reason], [410, 'Expired']);
    const rest = await list(`continue=${expired.body.metadata.continue}`);
    assert.equal(names(rest), 'w2 w3 w4 w5');
    const exact = `${WIDGETS}?resourceVersion=3&resourceVersionMatch=Exact`;
    assert.equal((await server.call('GET', exact)).status, 410);
  });
});

describe('composed objects', () => {
  test('are written, read and listed with their parts', async () => {
    for (const name of ['a', 'b', 'c']) {
      const parts = [{ name: 'x', weight: 1 }, { name: `${name}#y` }];
      await post(BOXES, { metadata: { name }, spec: { parts } });
    }
    const one = await server.call('GET', `${BOXES}/b`);
    assert.deepEqual(one.body.spec.parts.length, 2);
    const first = await list('limit=2', BOXES);
    assert.equal(names(first), 'a b');
    const next = await list(`limit=2&continue=${first.metadata.continue}`, BOXES);
    assert.equal(names(next), 'c');
    assert.equal(next.items[0].spec.parts.length, 2);
    assert.equal((await server.call('GET', `${BOXES}/b%23b%23y`)).status, 404);
    const unversioned = await server.call('PUT', `${BOXES}/a`, { body: { metadata: { name: 'a' } } });
    assert.equal(unversioned.status, 422);
  });
});

describe('large lists', () => {
  test('are streamed whole, and deleted as collections', async () => {
    const path = '/apis/things.test/v1/namespaces/two/widgets';
    const note = 'x'.repeat(2000);
    for (let index = 0; index < OBJECTS; index++) {
      const name = `big-${String(index).padStart(4, '0')}`;
      const value = Buffer.from(
        JSON.stringify({
          metadata: { resourceVersion: '', name, namespace: 'two', labels: { big: 'yes' } },
          spec: { notes: { note } },
        }),
      );
      await server.store.commit([{ op: 'put', key: `/widgets/two/${name}`, value }]);
    }
    const answer = await server.call('GET', path);
    assert.equal(answer.headers['content-length'], undefined);
    assert.equal(answer.body.items.length, OBJECTS + 1);
    assert.equal(answer.body.items.at(-1).metadata.name, 'w0');
    const table = await list('limit=5000&labelSelector=big', path, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    assert.equal(table.rows.length, OBJECTS);
    const some = await list('limit=700', path);
    assert.deepEqual([some.items.length, some.metadata.remainingItemCount], [700, OBJECTS + 1 - 700]);

    for (const query of ['', '?limit=700']) {
      const plain = await server.call('GET', path + query);
      const packed = await server.call('GET', path + query, { headers: { 'accept-encoding': 'deflate, gzip' } });
      assert.equal(packed.headers['content-encoding'], 'gzip');
      assert.ok(packed.bytes.length < plain.bytes.length / 10);
      assert.deepEqual(JSON.parse(gunzipSync(packed.bytes).toString()), plain.body);
    }
    const small = await server.call('GET', `${path}?limit=10`, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(small.headers['content-encoding'], undefined);

    const deleted = await server.call('DELETE', `${path}?labelSelector=big=yes`);
    assert.equal(deleted.body.kind, 'WidgetList');
    assert.equal(deleted.body.items.length, OBJECTS);
    assert.equal(names(await list('', path)), 'w0');
  });

  test('an error in the middle breaks the connection off', async () => {
    const path = '/apis/things.test/v1/namespaces/two/widgets';
    const value = Buffer.from(
      JSON.stringify({ metadata: { resourceVersion: '' }, spec: { notes: { note: 'x'.repeat(900_000) } } }),
    );
    for (let index = 0; index < 4; index++) {
      await server.store.commit([{ op: 'put', key: `/widgets/two/huge-${index}`, value }]);
    }
    await server.store.commit([
      { op: 'put', key: '/widgets/two/huge-9', value: Buffer.from('{"metadata":{"resourceVersion":"","bad"') },
    ]);
    const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
    assert.equal((await server.call('GET', path, { accept })).status, 500);
    const req = request({
      host: '127.0.0.1',
      port: server.port,
      path: `${path}?includeObject=Object`,
      headers: { user: 'admin', accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      agent: false,
    });
    req.end();
    const [res] = await once(req, 'response');
    assert.equal(res.statusCode, 200);
    await assert.rejects(async () => {
      for await (const piece of res) assert.ok(piece.length > 0);
    }, /aborted/);
    assert.equal(server.reported.length, 2);
  });
});
