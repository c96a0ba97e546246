import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startTestServer, type TestServer, widget } from './testserver.ts';

const WIDGETS = '/apis/things.test/v1/namespaces/one/widgets';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PARTIAL = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

suite('lists', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
    for (const name of ['a', 'b']) await server.call('POST', WIDGETS, { body: widget(name) });
  });
  after(() => server.close());

  const text = async (accept: string, query = ''): Promise<string> =>
    (await server.call('GET', `${WIDGETS}?${query}`, { accept })).text;

  test('without items are empty, those of metadata null, in every form', async () => {
    for (const [accept, none] of [
      ['application/json', /,"items":\[\]}\n$/],
      [PARTIAL, /,"items":null}\n$/],
      [TABLE, /,"rows":\[\]}\n?$/],
      ['application/yaml', /^items: \[\]$/m],
      [PARTIAL.replace('json', 'yaml'), /^items: null$/m],
    ] as const) {
      assert.match(await text(accept, 'labelSelector=none'), none);
    }
    assert.match(await text('application/json', 'labelSelector=none&pretty=1'), /,\n {2}"items": \[\]\n}\n$/);
    assert.match(await text(PARTIAL, 'labelSelector=none&pretty=1'), /,\n {2}"items": null\n}\n$/);
  });

  test('of metadata hold that of each', async () => {
    const names = async (accept: string, query = ''): Promise<string[]> => {
      const { items } = JSON.parse(await text(accept, query)) as { items: { metadata: { name: string } }[] };
      return items.map(({ metadata }) => metadata.name);
    };
    assert.deepEqual(await names(PARTIAL), ['a', 'b']);
    assert.deepEqual(await names(PARTIAL, 'pretty=1'), ['a', 'b']);
    assert.deepEqual(await names('application/json', 'pretty=1'), ['a', 'b']);
  });

  test('in YAML have their members in the order of names', async () => {
    const list = await text('application/yaml');
    assert.match(
      list,
      /^apiVersion: things\.test\/v1\nitems:\n- metadata:\n[\s\S]*\n- metadata:\n[\s\S]*\nkind: WidgetList\nmetadata:\n {2}resourceVersion: "\d+"\n$/,
    );
    const table = await text(TABLE.replace('json', 'yaml'));
    assert.match(
      table,
      /^apiVersion: meta\.k8s\.io\/v1\ncolumnDefinitions:\n[\s\S]*\nkind: Table\n[\s\S]*\nrows:\n- cells:\n/,
    );
  });
});
