import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { after, before, test } from 'node:test';
import { endWatches } from './server.ts';
import { startTestServer, type TestServer } from './testserver.ts';

const API = '/apis/things.test/v1';
const WIDGETS = `${API}/namespaces/one/widgets`;
const BOXES = `${API}/namespaces/one/boxes`;
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const WATCH_LIST = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.close());

interface Event {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: objects of every form
  readonly object: any;
}

/** A watch that is read event by event. */
class Watching {
  readonly #req: ClientRequest;
  readonly #events: AsyncGenerator<Event, undefined, undefined>;

  constructor(req: ClientRequest, res: IncomingMessage) {
    this.#req = req;
    this.#events = eventsOf(res);
  }

  async next(): Promise<Event> {
    const { value } = await this.#events.next();
    assert.ok(value, 'the watch has ended');
    return value;
  }

  /** The types and names of so many events. */
  async take(count: number): Promise<string[]> {
    const taken: string[] = [];
    while (taken.length < count) {
      const { type, object } = await this.next();
      taken.push(`${type} ${object.metadata.name ?? ''}`.trim());
    }
    return taken;
  }

  /** What comes until the end. */
  async rest(): Promise<Event[]> {
    const events: Event[] = [];
    for await (const event of this.#events) events.push(event);
    return events;
  }

  close(): void {
    this.#req.destroy();
  }
}

async function* eventsOf(res: IncomingMessage): AsyncGenerator<Event, undefined, undefined> {
  let text = '';
  for await (const piece of res.setEncoding('utf8')) {
    const lines = (text + piece).split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line);
  }
}

async function watch(path: string, accept = 'application/json', user = 'admin'): Promise<Watching> {
  const req = request({ host: '127.0.0.1', port: server.port, path, headers: { user, accept }, agent: false });
  req.end();
  const [res] = await once(req, 'response');
  assert.equal(res.statusCode, 200);
  assert.equal(res.headers['content-type'], 'application/json');
  return new Watching(req, res);
}

async function make(path: string, name: string, labels: object = {}, spec: object = {}) {
  const answer = await server.call('POST', path, { body: { metadata: { name, labels }, spec } });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

async function merge(path: string, body: object) {
  const answer = await server.call('PATCH', path, { type: 'application/merge-patch+json', body });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

const label = (name: string, labels: object) => merge(`${WIDGETS}/${name}`, { metadata: { labels } });

test('what is there, then every change', async () => {
  await make(WIDGETS, 'a');
  for (const query of ['watch=true', 'watch=perhaps&resourceVersion=0', 'watch=1&allowWatchBookmarks=true']) {
    const watching = await watch(`${WIDGETS}?${query}&fieldSelector=metadata.name=a`);
    const { type, object } = await watching.next();
    assert.deepEqual(
      [type, object.kind, object.apiVersion, object.metadata.name],
      ['ADDED', 'Widget', 'things.test/v1', 'a'],
    );
    if (query.includes('Bookmarks')) {
      const bookmark = await watching.next();
      assert.equal(bookmark.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
    }
    const changed = await label('a', { q: String(query.length) });
    const event = await watching.next();
    assert.equal(event.type, 'MODIFIED');
    assert.deepEqual(event.object, changed);
    watching.close();
  }
});

test('from a version, with the last state of what is deleted', async () => {
  const first = await make(WIDGETS, 'b');
  await make(WIDGETS, 'c');
  const watching = await watch(`${WIDGETS}?watch=1&resourceVersion=${first.metadata.resourceVersion}`);
  assert.deepEqual(await watching.take(1), ['ADDED c']);
  await merge(`${WIDGETS}/c`, { spec: { size: 3 } });
  await server.call('DELETE', `${WIDGETS}/c`);
  const [changed, deleted] = [await watching.next(), await watching.next()];
  assert.deepEqual([changed.type, deleted.type, deleted.object.spec.size], ['MODIFIED', 'DELETED', 3]);
  assert.ok(Number(deleted.object.metadata.resourceVersion) > Number(changed.object.metadata.resourceVersion));
  watching.close();
});

test('objects enter and leave a selection', async () => {
  await make(WIDGETS, 's', { in: 'no' }, { color: 'red' });
  const byLabel = await watch(`${WIDGETS}?watch=1&labelSelector=in=yes`);
  const byField = await watch(`${WIDGETS}?watch=1&fieldSelector=spec.color=green`);
  await label('s', { in: 'yes' });
  await label('s', { more: '1' });
  await label('s', { in: 'no' });
  await label('s', { ignored: '1' });
  await label('s', { in: 'yes' });
  assert.deepEqual(await byLabel.take(2), ['ADDED s', 'MODIFIED s']);
  const left = await byLabel.next();
  assert.deepEqual([left.type, left.object.metadata.labels.in], ['DELETED', 'yes']);
  assert.deepEqual(await byLabel.take(1), ['ADDED s']);
  byLabel.close();
  await merge(`${WIDGETS}/s`, { spec: { color: 'green' } });
  await merge(`${WIDGETS}/s`, { spec: { color: 'blue' } });
  assert.deepEqual(await byField.take(2), ['ADDED s', 'DELETED s']);
  byField.close();
});

test('a list that goes on as a watch', async () => {
  const watching = await watch(`${WIDGETS}?${WATCH_LIST}&resourceVersion=1`);
  let event = await watching.next();
  while (event.type === 'ADDED') event = await watching.next();
  assert.equal(event.type, 'BOOKMARK');
  assert.deepEqual([event.object.kind, event.object.apiVersion], ['Widget', 'things.test/v1']);
  assert.deepEqual(event.object.metadata.annotations, { 'k8s.io/initial-events-end': 'true' });
  const made = await make(WIDGETS, 'later');
  assert.ok(Number(made.metadata.resourceVersion) > Number(event.object.metadata.resourceVersion));
  assert.deepEqual(await watching.take(1), ['ADDED later']);
  watching.close();

  const silent = await watch(
    `${WIDGETS}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`,
  );
  assert.deepEqual(await silent.rest(), []);
  const ahead = await watch(`${WIDGETS}?${WATCH_LIST}&resourceVersion=99999`);
  const [error] = await ahead.rest();
  assert.deepEqual([error?.type, error?.object.code], ['ERROR', 504]);
});

test('the end of the time, with a bookmark', async () => {
  const watching = await watch(
    `${WIDGETS}?watch=1&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=1&labelSelector=x=none`,
  );
  const made = await make(WIDGETS, 'unseen');
  const events = await watching.rest();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['BOOKMARK'],
  );
  assert.ok(Number(events[0]?.object.metadata.resourceVersion) >= Number(made.metadata.resourceVersion));
  assert.equal(events[0]?.object.metadata.annotations, undefined);
});

test('tables describe their columns once; metadata comes alone', async () => {
  const path = `${WIDGETS}?watch=1&fieldSelector=metadata.name=t`;
  await make(WIDGETS, 't', {}, { size: 4 });
  const [tables, more, partial] = [await watch(path, TABLE), await watch(path, TABLE), await watch(path, PARTIAL)];
  await label('t', { x: '1' });
  for (const watching of [tables, more]) {
    const [first, second] = [await watching.next(), await watching.next()];
    assert.deepEqual([first.type, first.object.columnDefinitions.length], ['ADDED', 2]);
    assert.deepEqual([second.type, second.object.columnDefinitions ?? []], ['MODIFIED', []]);
    assert.deepEqual(second.object.rows[0].cells, ['t', 4]);
    watching.close();
  }
  await partial.next();
  const { object } = await partial.next();
  assert.deepEqual(
    [object.kind, object.metadata.labels, object.spec],
    ['PartialObjectMetadata', { x: '1' }, undefined],
  );
  partial.close();
});

test('composed objects come whole, as they were at each change', async () => {
  await make(BOXES, 'a', {}, { parts: [{ name: 'x', weight: 1 }] });
  const watching = await watch(`${BOXES}?watch=1`);
  await merge(`${BOXES}/a`, { spec: { parts: [{ name: 'x', weight: 2 }, { name: 'y' }] } });
  await merge(`${BOXES}/a`, { metadata: { labels: { l: '1' } } });
  await merge(`${BOXES}/a`, { spec: { parts: [{ name: 'y' }] } });
  await server.call('DELETE', `${BOXES}/a`);
  const seen: unknown[] = [];
  for (let count = 0; count < 5; count++) {
    const { type, object } = await watching.next();
    seen.push([
      type,
      object.spec.parts.map((part: { name: string; weight?: number }) => part.name + (part.weight ?? '')),
    ]);
  }
  assert.deepEqual(seen, [
    ['ADDED', ['x1']],
    ['MODIFIED', ['x2', 'y']],
    ['MODIFIED', ['x2', 'y']],
    ['MODIFIED', ['y']],
    ['DELETED', ['y']],
  ]);
  watching.close();
});

test('old watch paths, and rights for one name', async () => {
  const named = await watch(`${API}/watch/namespaces/one/widgets/a?timeoutSeconds=1`);
  assert.deepEqual(
    (await named.rest()).map(({ object }) => object.metadata.name),
    ['a'],
  );
  const all = await watch(`${API}/watch/widgets?timeoutSeconds=1`);
  assert.ok((await all.rest()).length > 3);
  const reader = await watch(`${WIDGETS}?watch=1&fieldSelector=metadata.name=a&timeoutSeconds=1`, undefined, 'reader');
  assert.equal((await reader.rest()).length, 1);
  assert.equal((await server.call('GET', `${WIDGETS}?watch=1`, { user: 'reader' })).status, 403);
  assert.equal((await server.call('POST', `${API}/watch/namespaces/one/widgets`)).status, 405);
});

test('options that do not go together', async () => {
  for (const [query, status] of [
    ['watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=1', 422],
    ['watch=1&sendInitialEvents=true', 422],
    ['watch=1&resourceVersion=word', 400],
    ['watch=1&timeoutSeconds=x', 400],
    ['watch=1&labelSelector=a=b=c', 400],
    ['watch=1&fieldSelector=data.k=v', 400],
  ] as const) {
    assert.equal((await server.call('GET', `${WIDGETS}?${query}`)).status, status, query);
  }
  const yaml = await server.call('GET', `${WIDGETS}?watch=1`, { accept: 'application/yaml' });
  assert.equal(yaml.status, 406);
});

test('a version that is ahead is waited for, one that is gone is 410', async () => {
  const ahead = await watch(`${WIDGETS}?watch=1&resourceVersion=99999&timeoutSeconds=1`);
  assert.deepEqual(await ahead.rest(), []);
  await server.store.compact(await server.store.revision());
  const [gone] = await (await watch(`${WIDGETS}?watch=1&resourceVersion=2`)).rest();
  assert.deepEqual([gone?.type, gone?.object.code, gone?.object.reason], ['ERROR', 410, 'Expired']);
  assert.match(gone?.object.message, /^too old resource version: 2 \(\d+\)$/);
});

test('a client that does not read is cut off', async () => {
  const note = 'x'.repeat(1 << 20);
  const req = request({
    host: '127.0.0.1',
    port: server.port,
    path: `${WIDGETS}?watch=1`,
    headers: { user: 'admin' },
    agent: false,
  });
  req.end();
  const [res] = await once(req, 'response');
  res.pause();
  res.on('error', () => undefined);
  const closed = once(req, 'close');
  await make(WIDGETS, 'big');
  for (let count = 0; count < 40; count++) {
    const value = {
      metadata: { resourceVersion: '', name: 'big', namespace: 'one' },
      spec: { notes: { note: note + count } },
    };
    await server.store.commit([{ op: 'put', key: '/widgets/one/big', value: Buffer.from(JSON.stringify(value)) }]);
  }
  res.resume();
  await closed;
  await server.call('DELETE', `${WIDGETS}/big`);
});

test('a client that leaves takes its watch with it', async () => {
  const watching = await watch(`${WIDGETS}?watch=1`);
  await watching.next();
  watching.close();
  await label('a', { gone: 'yes' });
  await label('a', { gone: 'really' });
});

test('all end when the server stops', async () => {
  const watching = await watch(`${WIDGETS}?watch=1&resourceVersion=${await server.store.revision()}`);
  endWatches();
  assert.deepEqual(await watching.rest(), []);
  assert.deepEqual(server.reported, []);
});
