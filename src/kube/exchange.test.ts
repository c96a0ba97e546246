import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer, widget } from './testserver.ts';

const WIDGETS = '/apis/things.test/v1/namespaces/one/widgets';
const YAML = 'application/yaml';

test('a Status has the encoding that was asked for, and no other form', async () => {
  const server = await startTestServer();
  try {
    for (const name of ['a', 'b']) await server.call('POST', WIDGETS, { body: widget(name) });
    const gone = await server.call('DELETE', `${WIDGETS}/a`, { accept: YAML });
    assert.deepEqual([gone.status, gone.headers['content-type']], [200, YAML]);
    assert.match(gone.text, /^apiVersion: v1\ndetails:\n {2}group: things\.test\n[\s\S]*\nstatus: Success\n$/);
    const missing = await server.call('GET', `${WIDGETS}/a`, { accept: YAML });
    assert.deepEqual([missing.status, missing.headers['content-type']], [404, YAML]);
    assert.match(missing.text, /^apiVersion: v1\ncode: 404\n/);
    const table = await server.call('DELETE', `${WIDGETS}/b`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    assert.equal(table.body.kind, 'Status');
  } finally {
    await server.close();
  }
});
