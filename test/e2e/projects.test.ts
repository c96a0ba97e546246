/** Watching projects: everybody is told of those that they see, also when that changes. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ownHome } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

let server: TestServer;
let kubectl: Kubectl;

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, ownHome());
  for (const name of ['one', 'two']) await kubectl('create', 'namespace', name);
});
after(async () => {
  await server?.kill();
});

const watching = ['get', 'projects', '--watch', '--output-watch-events', '--no-headers', '--as', 'ann'];

suite('a watch of projects', () => {
  test('tells of those that the watcher sees, from the moment on that they do', async () => {
    await using watch = kubectl.follow(...watching);
    await pause(500);
    await kubectl('label', 'namespace', 'two', 'unseen=yes');
    await kubectl('create', 'rolebinding', 'ann', '-n', 'one', '--clusterrole=view', '--user=ann');
    await watch.until(/^ADDED +one +Active$/m);
    await kubectl('annotate', 'namespace', 'one', 'openshift.io/display-name=The first');
    await watch.until(/^MODIFIED +one +The first +Active$/m);
    await kubectl('delete', 'rolebinding', 'ann', '-n', 'one');
    await watch.until(/^DELETED +one +The first +Active$/m);
    await kubectl('create', 'clusterrolebinding', 'ann', '--clusterrole=cluster-reader', '--user=ann');
    await watch.until(/^ADDED +one .*\n(?:ADDED .*\n)*ADDED +two +Active$/m);
    await kubectl('delete', 'namespace', 'two');
    await watch.until(/^MODIFIED +two +Terminating$/m);
    await watch.until(/^DELETED +two +Terminating$/m);
    await kubectl('delete', 'clusterrolebinding', 'ann');
  });

  test('tells what was lost from sight since the list that it goes on from', async () => {
    await kubectl('create', 'namespace', 'lost');
    await kubectl('create', 'namespace', 'unknown');
    for (const user of ['ann', 'ben']) {
      await kubectl('create', 'rolebinding', user, '-n', 'lost', '--clusterrole=view', `--user=${user}`);
    }
    await kubectl('create', 'rolebinding', 'ben', '-n', 'unknown', '--clusterrole=view', '--user=ben');
    const path = '/apis/project.openshift.io/v1/projects';
    const list = JSON.parse(await kubectl('get', '--raw', path, '--as', 'ann')) as {
      metadata: { resourceVersion: string };
    };
    await kubectl('delete', 'rolebinding', 'ann', '-n', 'lost');
    await kubectl('delete', 'rolebinding', 'ben', '-n', 'unknown');
    await kubectl('delete', 'namespace', 'lost');
    const query = `watch=1&timeoutSeconds=4&resourceVersion=${list.metadata.resourceVersion}`;
    const told = await kubectl('get', '--raw', `${path}?${query}`, '--as', 'ann');
    const events = told
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: { metadata: { name: string } } });
    assert.deepEqual(
      events.map(({ type, object }) => `${type} ${object.metadata.name}`),
      ['DELETED lost'],
    );
  });

  test('begins with what is there, or goes on from a list', async () => {
    await kubectl('create', 'rolebinding', 'ann', '-n', 'one', '--clusterrole=view', '--user=ann');
    await using watch = kubectl.follow(...watching);
    await watch.until(/^ADDED +one /m);
    await pause(300);
    await kubectl('annotate', 'namespace', 'one', 'openshift.io/display-name=Again', '--overwrite');
    await watch.until(/^MODIFIED +one +Again/m);
    const waited = await kubectl('wait', '--for=jsonpath={.status.phase}=Active', 'project/one', '--as', 'ann');
    assert.match(waited, /condition met/);
  });
});
