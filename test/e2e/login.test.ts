/** People log in: with passwords at OAuth and the registry, with tokens that can be listed and ended. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tokenObjectName } from '../../src/access/oauthtokens.ts';
import { type Answer, ask, json } from '../http.ts';
import { part } from '../parts.ts';
import { fail, ownHome, run, succeed, temporaryFolder } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

const BIN = fileURLToPath(new URL('../../bin/headgate.js', import.meta.url));
const AUTHORIZE = '/oauth/authorize?client_id=openshift-challenging-client&response_type=token&redirect_uri=';

let server: TestServer;
let kubectl: Kubectl;
const env = ownHome();

before(async () => {
  server = await startServer();
  kubectl = kubectlFor(server, env);
  await kubectl('create', 'namespace', 'paint');
  await headgate(['user', 'add', 'ann'], 'secret-ann\n');
  // Servers look at the file now and then.
  await pause(600);
});
after(async () => {
  await server?.kill();
});

async function headgate(args: readonly string[], input = ''): Promise<string> {
  return succeed(process.execPath, [BIN, ...args, '--data', server.data], { input });
}

const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

/** Asks for a token with a name and a password, as old clients of OpenShift do. */
async function logIn(name: string, password: string): Promise<string | number> {
  const path = AUTHORIZE + encodeURIComponent(`${server.apiUrl}/oauth/token/implicit`);
  const headers = { 'X-CSRF-Token': '1', Authorization: basic(name, password) };
  const answer = await ask(server.apiUrl + path, { headers, ca: server.ca });
  if (answer.status !== 302) return answer.status;
  return new URLSearchParams(new URL(answer.headers.location ?? '').hash.slice(1)).get('access_token') ?? '';
}

async function tokenOf(name: string, password: string): Promise<string> {
  const token = await logIn(name, password);
  assert.ok(typeof token === 'string', `refused with ${token}`);
  return token;
}

const api = (path: string, token: string): Promise<Answer> =>
  ask(server.apiUrl + path, { headers: { Authorization: `Bearer ${token}` }, ca: server.ca });

interface Me {
  readonly metadata: { readonly name: string };
  readonly groups: readonly string[];
  readonly identities?: readonly string[];
}

async function me(token: string): Promise<Me> {
  const answer = await api('/apis/user.openshift.io/v1/users/~', token);
  assert.equal(answer.status, 200, answer.body.toString());
  return json(answer) as Me;
}

suite('users with passwords', () => {
  test('the first login makes a user and an identity', async () => {
    const ann = await me(await tokenOf('ann', 'secret-ann'));
    assert.deepEqual([ann.metadata.name, ann.identities], ['ann', ['htpasswd:ann']]);
    assert.deepEqual(ann.groups, ['system:authenticated', 'system:authenticated:oauth']);
    assert.match(await kubectl('get', 'identities'), /htpasswd:ann +htpasswd +ann +ann/);
    assert.equal(await logIn('ann', 'wrong'), 401);
    assert.equal(await logIn('nobody', 'secret-ann'), 401);
  });

  test('groups give rights from the next request on', async () => {
    const token = await tokenOf('ann', 'secret-ann');
    const path = '/api/v1/namespaces/paint/configmaps';
    assert.equal((await api(path, token)).status, 403);
    await kubectl('create', 'rolebinding', 'painters', '-n', 'paint', '--clusterrole=edit', '--group=painters');
    const group = { apiVersion: 'user.openshift.io/v1', kind: 'Group', metadata: { name: 'painters' }, users: ['ann'] };
    await kubectl.given(group, 'create', '-f', '-');
    assert.equal((await api(path, token)).status, 200);
    assert.ok((await me(token)).groups.includes('painters'));
    await kubectl('delete', 'group', 'painters');
    assert.equal((await api(path, token)).status, 403);
  });

  test('another password counts, the old one does not', async () => {
    await headgate(['user', 'add', 'bob'], 'one\n');
    await pause(600);
    await tokenOf('bob', 'one');
    await headgate(['user', 'passwd', 'bob'], 'two\n');
    await pause(600);
    assert.equal(await logIn('bob', 'one'), 401);
    await tokenOf('bob', 'two');
    assert.equal(await headgate(['user', 'list']), 'ann\nbob\n');
    await headgate(['user', 'remove', 'bob']);
    await pause(600);
    assert.equal(await logIn('bob', 'two'), 401);
  });
});

suite('tokens', () => {
  test('one’s own can be listed and ended, and end at once', async () => {
    const token = await tokenOf('ann', 'secret-ann');
    const other = await tokenOf('ann', 'secret-ann');
    const path = '/apis/oauth.openshift.io/v1/useroauthaccesstokens';
    const { items } = json(await api(path, token)) as { items: { metadata: { name: string }; userName: string }[] };
    assert.ok(items.length >= 2 && items.every(({ userName }) => userName === 'ann'));
    const options = [
      '--token',
      token,
      '--server',
      server.apiUrl,
      '--certificate-authority',
      join(server.data, 'tls', 'ca.crt'),
    ];
    const noConfig = { env: { ...env, KUBECONFIG: '/dev/null' } };
    assert.match(await succeed(part('kubectl'), ['get', 'useroauthaccesstokens', ...options], noConfig), /user:full/);
    const remove = ['delete', 'useroauthaccesstokens', tokenObjectName(other), '--wait=false', ...options];
    await succeed(part('kubectl'), remove, noConfig);
    assert.equal((await api('/apis/user.openshift.io/v1/users/~', other)).status, 401);
  });

  test('headgate token makes lasting ones, tells of them, and ends them', async () => {
    const token = (await headgate(['token', 'create', 'ci', '--expires', '30d', '--scope', 'role:view:paint'])).trim();
    await kubectl('create', 'rolebinding', 'ci', '-n', 'paint', '--clusterrole=edit', '--user=ci');
    assert.equal((await api('/api/v1/namespaces/paint/configmaps', token)).status, 200);
    const beyond = await api('/api/v1/namespaces/paint/secrets', token);
    assert.equal(beyond.status, 403);
    assert.match(beyond.body.toString(), /: scopes \[role:view:paint\] prevent this action"/);
    const listed = await headgate(['token', 'list', 'ci']);
    assert.match(
      listed,
      /^NAME +USER +CLIENT +ENDS +SCOPES\nsha256~\S{43} +ci +headgate-cli +\d{4}-\d\d-\d\d \d\d:\d\d +role:view:paint\n$/,
    );
    assert.ok(!listed.includes(token));
    assert.equal(await headgate(['token', 'revoke', token]), '1 token is revoked\n');
    assert.equal((await api('/version', token)).status, 401);
    await headgate(['token', 'create', 'ci', '--expires', 'never']);
    await headgate(['token', 'create', 'ci']);
    assert.match(await headgate(['token', 'revoke', '--user', 'ci']), /2 tokens are revoked/);
    assert.match(
      await fail(process.execPath, [BIN, 'token', 'create', 'ci', '--expires', 'soon', '--data', server.data]),
      /--expires: "soon" must be/,
    );
  });

  test('the administrator’s can be rotated: the old one ends at once', async () => {
    await using own = await startServer();
    const rotated = (await succeed(process.execPath, [BIN, 'token', 'rotate', '--data', own.data])).trim();
    assert.notEqual(rotated, own.token);
    const headers = (token: string) => ({ Authorization: `Bearer ${token}` });
    assert.equal((await ask(`${own.apiUrl}/version`, { headers: headers(own.token), ca: own.ca })).status, 401);
    assert.equal((await ask(`${own.apiUrl}/version`, { headers: headers(rotated), ca: own.ca })).status, 200);
    assert.match(await kubectlFor(own, env)('get', 'namespaces'), /default/, 'the kubeconfig has the new one');
    await own.stop();
    await using again = await startServer({ data: own.data });
    assert.equal(again.token, rotated);
    assert.equal((await ask(`${again.apiUrl}/version`, { headers: headers(own.token), ca: own.ca })).status, 401);
  });

  test('every one of several workers knows at once that a token has ended', async () => {
    await using own = await startServer({ flags: ['--workers', '2'] });
    const command = (...args: string[]) => succeed(process.execPath, [BIN, 'token', ...args, '--data', own.data]);
    const token = (await command('create', 'ci')).trim();
    const statuses = async (): Promise<Set<number>> => {
      const asked = Array.from({ length: 20 }, () =>
        ask(`${own.apiUrl}/version`, { headers: { Authorization: `Bearer ${token}` }, ca: own.ca }),
      );
      return new Set((await Promise.all(asked)).map(({ status }) => status));
    };
    assert.deepEqual(await statuses(), new Set([200]));
    await command('revoke', '--user', 'ci');
    // The worker that ended it knows; the others are told within a moment.
    for (let tries = 0; tries < 100 && (await statuses()).has(200); tries++) await pause(100);
    assert.deepEqual(await statuses(), new Set([401]));
  });

  test('what another process on the same store ends, ends here', async () => {
    const token = await tokenOf('ann', 'secret-ann');
    assert.equal((await api('/version', token)).status, 200);
    await headgate(['token', 'revoke', '--user', 'ann']);
    assert.equal((await api('/version', token)).status, 401);
  });
});

interface RegistryToken {
  readonly token: string;
  readonly expires_in: number;
  readonly refresh_token?: string;
}

const endpoint = () => `${server.registryUrl}/openshift/token`;

suite('registry', () => {
  before(() =>
    kubectl('create', 'rolebinding', 'ann', '-n', 'paint', '--clusterrole=system:image-pusher', '--user=ann'),
  );

  test('a password gets a token for the registry alone; with offline_token one to keep', async () => {
    const answer = await ask(`${endpoint()}?service=headgate&scope=repository:paint/app:pull&offline_token=true`, {
      headers: { Authorization: basic('ann', 'secret-ann') },
    });
    assert.equal(answer.status, 200, answer.body.toString());
    const { token, expires_in: seconds, refresh_token: refresh } = json(answer) as RegistryToken;
    assert.match(token, /^registry~/);
    assert.equal(seconds, 900);
    const tags = await ask(`${server.registryUrl}/v2/`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(tags.status, 200);
    assert.equal((await api('/version', token)).status, 401, 'not for the API');
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      service: 'headgate',
      refresh_token: refresh ?? '',
    });
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const refreshed = await ask(endpoint(), { method: 'POST', headers, body: form.toString() });
    assert.equal(refreshed.status, 200);
    const password = {
      grant_type: 'password',
      username: 'ann',
      password: 'secret-ann',
      access_type: 'offline',
      scope: 'repository:paint/app:pull',
    };
    const posted = await ask(endpoint(), { method: 'POST', headers, body: new URLSearchParams(password).toString() });
    const granted = json(posted) as RegistryToken & { scope: string; access_token: string };
    assert.deepEqual(
      [granted.scope, granted.access_token, typeof granted.refresh_token],
      ['repository:paint/app:pull', granted.token, 'string'],
    );
    await headgate(['token', 'revoke', '--user', 'ann']);
    assert.equal(
      (await ask(endpoint(), { method: 'POST', headers, body: form.toString() })).status,
      401,
      'it was revoked',
    );
  });

  test('Basic without the token endpoint is good too; at the API it is nobody', async () => {
    const headers = { Authorization: basic('ann', 'secret-ann') };
    assert.equal((await ask(`${server.registryUrl}/v2/`, { headers })).status, 200);
    const wrong = { Authorization: basic('ann', 'secret') };
    assert.equal((await ask(`${server.registryUrl}/v2/`, { headers: wrong })).status, 401);
    assert.equal((await ask(`${server.apiUrl}/api/v1/namespaces`, { headers, ca: server.ca })).status, 403);
  });

  test('auth why knows the groups that name a user', async () => {
    const group = { apiVersion: 'user.openshift.io/v1', kind: 'Group', metadata: { name: 'readers' }, users: ['ann'] };
    await kubectl.given(group, 'create', '-f', '-');
    await kubectl(
      'create',
      'rolebinding',
      'readers',
      '-n',
      'paint',
      '--clusterrole=registry-viewer',
      '--group=readers',
    );
    const why = ['auth', 'why', 'ann', 'list', 'imagestreams', '-n', 'paint'];
    assert.match(await headgate(why), /^yes: ann may list imagestreams[\s\S]*to Group "readers"/);
  });

  test('skopeo logs in with a password, an OAuth token, a service account’s token; not with a wrong one', async () => {
    const login = (user: string, password: string) =>
      run('skopeo', ['login', '--tls-verify=false', '-u', user, '--password-stdin', server.registry], {
        env,
        input: password,
      });
    assert.equal((await login('ann', 'secret-ann')).code, 0);
    assert.equal((await login('whoever', await tokenOf('ann', 'secret-ann'))).code, 0);
    const robot = (await kubectl('create', 'token', 'builder', '-n', 'paint')).trim();
    assert.equal((await login('robot', robot)).code, 0);
    const wrong = await login('ann', 'secret');
    assert.notEqual(wrong.code, 0);
    assert.match(wrong.stderr, /unauthorized|invalid username\/password/i);
  });
});

/** Built outside of this repository; where it is not, the other tests speak as it does. */
const oc = [process.env.OC, ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'oc'))].find(
  (path) => path !== undefined && existsSync(path),
);

suite('oc', { concurrency: false }, () => {
  test('login -u -p, whoami, new-project, logout', async (t) => {
    if (oc === undefined) {
      t.diagnostic('1 test did not run: there is no oc (set OC, or put it on the PATH)');
      return;
    }
    const config = { env: { ...env, KUBECONFIG: join(temporaryFolder(), 'config') } };
    const trust = `--certificate-authority=${join(server.data, 'tls', 'ca.crt')}`;
    const said = await succeed(oc, ['login', '-u', 'ann', '-p', 'secret-ann', server.apiUrl, trust], config);
    assert.match(said, /Login successful/);
    assert.equal((await succeed(oc, ['whoami'], config)).trim(), 'ann');
    const token = (await succeed(oc, ['whoami', '-t'], config)).trim();
    assert.match(token, /^sha256~/);
    assert.match(await succeed(oc, ['new-project', 'of-ann'], config), /Now using project "of-ann"/);
    await succeed(oc, ['logout'], config);
    assert.equal((await api('/version', token)).status, 401, 'it was ended, not only forgotten');
    const wrong = await run(oc, ['login', '-u', 'ann', '-p', 'x', server.apiUrl, trust], config);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout + wrong.stderr, /Login failed \(401/);
  });

  test('login --web: a browser shows the page, and leads back to oc', async (t) => {
    if (oc === undefined) {
      t.diagnostic('1 test did not run: there is no oc (set OC, or put it on the PATH)');
      return;
    }
    // In place of a browser, this notes what it is told to open.
    const folder = temporaryFolder();
    const opened = join(folder, 'opened');
    const script = `#!/bin/sh\nprintf %s "$1" > ${opened}.new && mv ${opened}.new ${opened}\n`;
    for (const name of ['xdg-open', 'x-www-browser', 'www-browser']) {
      writeFileSync(join(folder, name), script, { mode: 0o755 });
    }
    const config = { env: { ...env, PATH: `${folder}${delimiter}${env.PATH}`, KUBECONFIG: join(folder, 'config') } };
    const trust = `--certificate-authority=${join(server.data, 'tls', 'ca.crt')}`;
    const login = succeed(oc, ['login', '--web', server.apiUrl, trust], config);
    for (let tries = 0; !existsSync(opened) && tries < 500; tries++) await pause(20);
    const url = readFileSync(opened, 'utf8');
    const page = await ask(url, { ca: server.ca });
    const cookie = String(page.headers['set-cookie']).split(';', 1)[0] ?? '';
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(page.body.toString()) ?? [];
    const form = new URLSearchParams({ csrf, username: 'ann', password: 'secret-ann' }).toString();
    const headers = { Cookie: cookie, 'Content-Type': 'application/x-www-form-urlencoded' };
    const done = await ask(url, { method: 'POST', headers, body: form, ca: server.ca });
    assert.equal((await ask(done.headers.location ?? '')).status, 200);
    assert.match(await login, /Login successful/);
    assert.equal((await succeed(oc, ['whoami'], config)).trim(), 'ann');
  });

  test('users, identities and groups as oc makes them', async (t) => {
    if (oc === undefined) {
      t.diagnostic('1 test did not run: there is no oc (set OC, or put it on the PATH)');
      return;
    }
    const config = { env: { ...env, KUBECONFIG: server.kubeconfig } };
    const said = (...args: string[]) => succeed(oc, args, config);
    await said('create', 'user', 'zoe', '--full-name=Zoe Z');
    await said('create', 'identity', 'ldap:zoe');
    await said('create', 'useridentitymapping', 'ldap:zoe', 'zoe');
    assert.match(await said('get', 'user', 'zoe'), /zoe +\S+ +Zoe Z +ldap:zoe/);
    assert.match(await said('get', 'identity', 'ldap:zoe'), /ldap:zoe +ldap +zoe +zoe +\S+/);
    await said('adm', 'groups', 'new', 'cooks', 'zoe');
    assert.match(await said('adm', 'groups', 'add-users', 'cooks', 'max'), /added: "max"/);
    assert.match(await said('get', 'groups'), /cooks +zoe, max/);
    assert.match(await said('adm', 'groups', 'remove-users', 'cooks', 'max'), /removed: "max"/);
    assert.match(await said('describe', 'group', 'cooks'), /Users:\s+zoe\n/);
    assert.match(await said('policy', 'add-role-to-group', 'view', 'cooks', '-n', 'paint'), /added: "cooks"/);
    const why = ['adm', 'policy', 'who-can', 'get', 'imagestreams', '-n', 'paint'];
    assert.match(await said(...why), /Groups:[\s\S]*cooks/);
  });
});

suite('OpenID Connect', () => {
  test('a token of the provider is good for the API and the registry, with the groups that it names', async () => {
    const { startOidcProvider } = await import('../oidcprovider.ts');
    await using provider = await startOidcProvider(() => ({ groups: ['painters'], email: 'eve@example.com' }));
    const flags = [
      `--oidc-issuer-url=${provider.issuer}`,
      '--oidc-client-id=headgate',
      '--oidc-username-claim=email',
      '--oidc-groups-claim=groups',
      '--oidc-groups-prefix=oidc:',
      `--oidc-ca-file=${provider.caFile}`,
    ];
    await using own = await startServer({ flags });
    const admin = kubectlFor(own, env);
    await admin('create', 'namespace', 'paint');
    const binding = ['rolebinding', 'painters', '-n', 'paint', '--clusterrole=system:image-pusher'];
    await admin('create', ...binding, '--group=oidc:painters');
    const token = await provider.idToken('eve');
    const trust = ['--server', own.apiUrl, '--certificate-authority', join(own.data, 'tls', 'ca.crt')];
    const noConfig = { env: { ...env, KUBECONFIG: '/dev/null' } };
    const whoami = await succeed(part('kubectl'), ['auth', 'whoami', '--token', token, ...trust], noConfig);
    assert.match(whoami, /eve@example\.com[\s\S]*\[oidc:painters system:authenticated\]/);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    assert.match(await admin.given(review, 'create', '-f', '-', '-o', 'yaml'), /username: eve@example\.com/);
    const login = ['login', '--tls-verify=false', '-u', 'eve', '--password-stdin', own.registry];
    assert.equal((await run('skopeo', login, { env, input: token })).code, 0);
    const allowed = await ask(`${own.registryUrl}/v2/paint/app/blobs/uploads/`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
    });
    assert.equal(allowed.status, 202);
    const other = await ask(`${own.apiUrl}/version`, {
      headers: { Authorization: `Bearer ${await provider.idToken('eve', 'other')}` },
      ca: own.ca,
    });
    assert.equal(other.status, 401, 'a token for another audience');
  });
});
