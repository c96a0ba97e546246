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
