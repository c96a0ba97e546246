/** Projects, rights and who one is, with the real `oc`. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../program.ts';
import { ocTest } from './oc.ts';

ocTest('who one is, and where', async ({ oc, server }) => {
  assert.equal(await oc`whoami`, 'admin\n');
  assert.equal(await oc`whoami -t`, `${server.token}\n`);
  assert.equal(await oc`whoami --show-server`, `${server.apiUrl}\n`);
  assert.equal(await oc`whoami --show-console`, `${server.apiUrl}\n`);
  assert.match(await oc`whoami -c`, /^default\/127-0-0-1:\d+\/admin$/m);
  assert.equal(await oc`whoami --as deads`, 'deads\n');
  assert.match(await oc`version`, /Kubernetes Version: v1\.\d+/);
});

ocTest('projects are made, chosen, described and deleted', async ({ oc, server }) => {
  const made = await oc`new-project alpha --display-name=${'The first'} --description=${'For tests'}`;
  assert.match(made, new RegExp(`Now using project "alpha" on server "${server.apiUrl}"`));
  assert.equal(await oc`project -q`, 'alpha\n');
  assert.match(await oc`project`, /Using project "alpha" on server/);
  assert.match(await oc`get projects`, /^alpha +The first +Active$/m);
  const annotations = await oc`get project alpha -o jsonpath={.metadata.annotations}`;
  assert.match(annotations, /"openshift.io\/description":"For tests".*"openshift.io\/requester":"admin"/);
  assert.match(await oc`describe project alpha`, /Display Name:\t+The first\nDescription:\t+For tests/);
  assert.match(await oc.fails`new-project alpha`, /project.project.openshift.io "alpha" already exists/);
  assert.match(await oc.fails`project nowhere`, /A project named "nowhere" does not exist/);
  assert.match(await oc`projects`, /\* alpha - The first/);
  assert.match(await oc`project default`, /Now using project "default"/);
  assert.match(await oc`get rolebindings -n alpha`, /^admin +ClusterRole\/admin/m);
  assert.match(await oc`get sa -n alpha`, /builder.*default.*deployer/s);
  assert.match(await oc`adm new-project beta --admin=ann`, /Created project beta/);
  assert.match(await oc`adm policy who-can delete imagestreams -n beta`, /ann/);
  assert.match(await oc`delete project alpha beta`, /"alpha" deleted.*"beta" deleted/s);
  assert.match(
    await oc.fails`get project alpha`,
    /namespaces "alpha" not found|projects.project.openshift.io "alpha" not found/,
  );
});

ocTest('a user sees the projects that are theirs, and asks for one', async ({ oc }) => {
  await oc`new-project shared`;
  await oc`policy add-role-to-user view ann`;
  assert.match(await oc`get projects --as ann`, /^NAME.*\nshared +Active\n$/);
  assert.match(await oc.fails`new-project of-ann --skip-config-write --as ann`, /may not request|forbidden/i);
  const asUser =
    await oc`new-project of-ann --skip-config-write --as ann --as-group=system:authenticated:oauth --as-group=system:authenticated`;
  assert.match(asUser, /To switch to this project and start adding applications/);
  assert.equal(await oc`get project of-ann -o jsonpath={.metadata.annotations.openshift\\.io/requester}`, 'ann');
  assert.equal(await oc`auth can-i create imagestreams -n of-ann --as ann`, 'yes\n');
  await oc`delete project of-ann`;
});

ocTest('roles are given and taken', async ({ oc }) => {
  await oc`new-project policy`;
  assert.equal(
    await oc`policy add-role-to-user admin -z default`,
    'clusterrole.rbac.authorization.k8s.io/admin added: "default"\n',
  );
  assert.match(
    await oc.fails`policy add-role-to-user admin -z system:serviceaccount:test:default`,
    /short-form serviceaccount names/,
  );
  assert.match(await oc.fails`policy add-role-to-user`, /you must specify a role/);
  assert.match(await oc.fails`policy add-role-to-user view`, /you must specify at least one user or service account/);
  const group =
    await oc`policy add-role-to-group cluster-admin --rolebinding-name cluster-admin system:unauthenticated`;
  assert.match(group, /cluster-admin added: "system:unauthenticated"/);
  assert.match(
    await oc`policy add-role-to-user --rolebinding-name cluster-admin cluster-admin -z=one,two`,
    /added: \["one" "two"\]/,
  );
  assert.match(
    await oc`get rolebinding/cluster-admin -o wide --no-headers`,
    /system:unauthenticated.*policy\/one, policy\/two/,
  );
  await oc`policy remove-role-from-group --rolebinding-name cluster-admin cluster-admin system:unauthenticated`;
  await oc`policy remove-role-from-user --rolebinding-name cluster-admin cluster-admin -z=one,two`;
  assert.match(await oc.fails`get rolebinding/cluster-admin`, /NotFound/);
  await oc`policy add-role-to-user view foo`;
  await oc`policy add-role-to-user view bar --rolebinding-name=custom`;
  assert.match(
    await oc.fails`policy add-role-to-user edit baz --rolebinding-name=custom`,
    /rolebinding custom found for role view, not edit/,
  );
  assert.match(await oc.fails`adm policy remove-role-from-user admin ghost`, /unable to find target \[ghost\]/);
  assert.match(await oc`adm policy remove-user foo`, /Removing view from users \[foo\] in project policy/);
  await oc`adm policy add-cluster-role-to-user cluster-reader bob`;
  assert.match(await oc`auth can-i list images --as bob`, /^yes$/m);
  await oc`adm policy remove-cluster-role-from-user cluster-reader bob`;
  assert.match(await oc.fails`auth can-i list images --as bob`, /no/);
  assert.match(await oc`adm policy add-role-to-user view ghost --dry-run=client -o yaml`, /name: view/);
});

ocTest('who may do what is answered', async ({ oc }) => {
  await oc`adm policy add-role-to-user registry-editor pusher`;
  const who = await oc`adm policy who-can update imagestreams/layers`;
  assert.match(who, /^Namespace: policy\nVerb: {6}update\nResource: {2}imagestreams\/layers$/m);
  assert.match(who, /^Users:.*\n(?: {8}.*\n)* *pusher$/m);
  assert.match(await oc`policy who-can get imagestreams -n nowhere`, /^Namespace: nowhere$/m);
  assert.match(
    await oc`adm policy who-can get is --all-namespaces`,
    /Namespace: <all>.*Resource: {2}imagestreams\.image\.openshift\.io/s,
  );
  assert.match(
    await oc`auth can-i --list --as pusher`,
    /^imagestreams\.image\.openshift\.io\/layers .*\[get update\]$/m,
  );
  assert.equal(await oc`auth can-i create pods`, 'yes\n');
  assert.match(await oc.fails`auth can-i create pods --as harold`, /no/);
  assert.match(await oc`auth can-i --list --as root --as-group system:masters`, /^\*\.\* /m);
  assert.match(
    await oc.fails`get secrets --as harold`,
    /User "harold" cannot list resource "secrets" in API group "" in the namespace "policy"/,
  );
});

ocTest('service accounts have tokens, secrets and pull secrets', async ({ oc, server }) => {
  await oc`create sa robot`;
  const token = (await oc`create token robot --duration=10m`).trim();
  const kubeconfig = join(temporaryFolder(), 'robot');
  writeFileSync(kubeconfig, '');
  const robot = oc.as(kubeconfig);
  const login = await robot`login ${server.apiUrl} --token=${token} --insecure-skip-tls-verify=true`;
  assert.match(login, /Logged into ".*" as "system:serviceaccount:policy:robot" using the token provided/);
  assert.equal(await robot`whoami`, 'system:serviceaccount:policy:robot\n');
  assert.match(await robot.fails`get secrets -n policy`, /forbidden/);
  const lasting = (await oc`sa new-token robot`).split('\n').find((line) => line.startsWith('ey')) ?? '';
  assert.equal(await robot`whoami --token=${lasting}`, 'system:serviceaccount:policy:robot\n');
  await oc`create secret generic mine --from-literal=a=b`;
  await oc`secrets link robot mine --for=pull,mount`;
  assert.match(await oc`describe sa robot`, /Image pull secrets:.*mine/s);
  await oc`secrets unlink robot mine`;
  assert.doesNotMatch(await oc`get sa robot -o jsonpath={.imagePullSecrets}{.secrets}`, /mine/);
  assert.match(await oc`get secrets`, /robot-dockercfg-\w{5} +kubernetes\.io\/dockercfg +1/);
  await oc`delete sa robot`;
  assert.match(await robot.fails`whoami`, /Unauthorized|logged in/);
});

ocTest('the kubeconfig of the first start is one that oc login goes on with', async ({ oc, server }) => {
  const contexts = (): Promise<string> => oc`config get-contexts -o name`;
  await oc`project default`;
  const before = await contexts();
  const clusters = await oc`config get-clusters`;
  const again = await oc`login ${server.apiUrl} --token=${server.token}`;
  assert.match(again, /Logged into ".*" as "admin" using the token provided/);
  assert.equal(await contexts(), before, 'no second context of the same user');
  assert.equal(await oc`config get-clusters`, clusters, 'nor a second cluster');
  assert.match(await oc`login -u system:admin`, /Logged into ".*" as "system:admin" using existing credentials/);
  assert.equal(await oc`whoami`, 'system:admin\n');
  assert.match(await oc.fails`whoami -t`, /no token is currently in use for this session/);
  assert.match(await oc`login --token=${server.token}`, /as "admin"/);
  assert.match(await oc.fails`login --token=bad`, /The token provided is invalid or expired/);
});
