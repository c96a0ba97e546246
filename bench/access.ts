/** What it costs to find out who is calling and what they may do: GETs of constant answers with different credentials. */
import { join } from 'node:path';
import { tokenObjectName } from '../src/access/oauthtokens.ts';
import { newAccessToken } from '../src/access/tokens.ts';
import { ask, json } from '../test/http.ts';
import type { TestServer } from '../test/server.ts';
import { bearer, startHeadgate } from './contestants.ts';
import type { Effort } from './effort.ts';
import { wrk } from './programs.ts';
import type { Figures } from './table.ts';
import { costOf } from './usage.ts';

/** Groups that the user is in, and bindings of the cluster that are looked at for each request. */
const GROUPS = 20;

/** Measures each credential in turn, and what it costs more than none. */
export async function measureAccess(folder: string, effort: Effort, figures: Figures): Promise<void> {
  for (let round = 0; round < effort.rounds; round++) {
    const contestant = await startHeadgate(join(folder, `access-${round}`));
    try {
      await oneRound(contestant.server, effort, figures);
    } finally {
      await contestant.stop();
    }
  }
}

async function oneRound(server: TestServer, { seconds }: Effort, figures: Figures): Promise<void> {
  const cost = async (path: string, headers: Readonly<Record<string, string>>): Promise<number> => {
    const { cpu, result } = await costOf(server.pid, () => wrk(server.apiUrl + path, headers, seconds));
    return (cpu * 1e6) / result.requests;
  };
  const nobody = await cost('/livez', {});
  figures.add({ title: 'GET /livez, TLS, no credential', unit: 'µs' }, 'headgate', { value: nobody });
  const callers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'no credential': {},
    "the administrator's token": bearer(server),
    [`a user's token, ${GROUPS} groups`]: { Authorization: `Bearer ${await userToken(server)}` },
    "a service account's token": { Authorization: `Bearer ${await accountToken(server)}` },
  };
  for (const [who, headers] of Object.entries(callers)) {
    const value = await cost('/version', headers);
    const note = `${value.toFixed(1)} µs`;
    const title = `GET /version by ${who}, more than /livez by nobody`;
    figures.add({ title, unit: 'µs', goal: 10 }, 'headgate', { value: value - nobody, note });
  }
}

async function post(server: TestServer, path: string, body: object): Promise<unknown> {
  const headers = { ...bearer(server), 'Content-Type': 'application/json' };
  const answer = await ask(server.apiUrl + path, {
    method: 'POST',
    headers,
    ca: server.ca,
    body: JSON.stringify(body),
  });
  if (answer.status !== 201) throw new Error(`${path} was answered ${answer.status}: ${answer.body.toString()}`);
  return json(answer);
}

async function userToken(server: TestServer): Promise<string> {
  const made = await post(server, '/apis/user.openshift.io/v1/users', { metadata: { name: 'ann' } });
  const { uid } = (made as { metadata: { uid: string } }).metadata;
  for (let group = 0; group < GROUPS; group++) {
    const name = `group${group}`;
    await post(server, '/apis/user.openshift.io/v1/groups', { metadata: { name }, users: ['ann'] });
    await post(server, '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name },
      subjects: [{ kind: 'Group', name }],
      roleRef: { kind: 'ClusterRole', name: 'view' },
    });
  }
  const token = newAccessToken();
  await post(server, '/apis/oauth.openshift.io/v1/oauthaccesstokens', {
    metadata: { name: tokenObjectName(token) },
    clientName: 'headgate-cli',
    scopes: ['user:full'],
    redirectURI: 'headgate:bench',
    userName: 'ann',
    userUID: uid,
  });
  return token;
}

async function accountToken(server: TestServer): Promise<string> {
  const path = '/api/v1/namespaces/default/serviceaccounts/default/token';
  const made = await post(server, path, { spec: {} });
  return (made as { status: { token: string } }).status.token;
}
