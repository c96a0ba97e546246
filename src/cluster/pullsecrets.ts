/**
 * Pull secrets of service accounts, as OpenShift makes them: a secret of type `kubernetes.io/dockercfg` with a token of the
 * account, by which pods and robots are known to the registry. It is worth nothing once the secret or the account is gone.
 */
import { hash } from 'node:crypto';
import { ACCOUNT_TOKEN_ISSUER } from '../access/accounttokens.ts';
import { SERVICE_ACCOUNT_PREFIX } from '../access/serviceaccount.ts';
import type { Context, Settings } from '../objects/context.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { nameOf } from '../objects/object.ts';
import { eachKept, readKept } from '../objects/reads.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { createObject, updateObject } from '../objects/writes.ts';
import type { Entry } from '../store/store.ts';
import { Keeper } from './keeper.ts';
import { DEFAULT_ACCOUNTS, tolerating } from './namespacecontents.ts';
import { REQUESTER } from './projects.ts';
import { DOCKER_CFG, type Secret, secrets } from './secrets.ts';
import { type ServiceAccount, serviceAccounts } from './serviceaccounts.ts';

/** On an account: the name of its pull secret. */
const PULL_SECRET = 'openshift.io/internal-registry-pull-secret-ref';
/** On such a secret: whose it is, and that its token ends with it. */
const ACCOUNT = 'openshift.io/internal-registry-auth-token.service-account';
const BINDING = 'openshift.io/internal-registry-auth-token.binding';
const CONTENT = '.dockercfg';
/** The user name that stands beside a token, as OpenShift writes it; the registry looks at the token only. */
const USER = '<token>';

/** Holds the names of the registry that all secrets are for. */
const MARKER = '/seeded/pullsecrets';

const INFIX = '-dockercfg-';
const NAME_CHARACTERS = 63;
/** As Kubernetes' generated names: no vowels, and nothing that looks like one. */
const SUFFIX_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;

/**
 * Gives accounts their pull secrets: the three that every namespace has, everywhere; any other in namespaces that somebody
 * asked for as a project. Puts back what is deleted or out of date. `failed` hears of what could not be done.
 */
export function keepPullSecrets(ctx: Context, failed: (error: unknown) => void): Keeper {
  const keep = (namespace: string, name: string) => (): Promise<void> => keepPullSecret(ctx, namespace, name);
  return new Keeper({
    store: ctx.store,
    changed: {
      [SERVICE_ACCOUNT_PREFIX]: ({ key, value }) => {
        const { namespace, name } = nameOfKey(serviceAccounts, key);
        return value && keep(namespace, name);
      },
      [keptOf(secrets).prefix]: ({ value, previous }) => {
        const account = value === undefined && previous ? ownerOf(previous) : undefined;
        return account && keep(account.namespace, account.name);
      },
    },
    all: (keeper) => lookAtAll(ctx, keeper),
    failed,
  });
}

/** Accounts without a secret get one; if the registry has other names since it was last looked, every secret is looked at. */
async function lookAtAll(ctx: Context, keeper: Keeper): Promise<void> {
  const hosts = Buffer.from(registryHosts(ctx.settings).join());
  const same = (await ctx.store.get(MARKER))?.value.equals(hosts) ?? false;
  let undone = 0;
  await eachKept(ctx.store, serviceAccounts, '', ({ head }) => {
    if (same && head.value.includes(PULL_SECRET)) return;
    const { namespace, name } = nameOfKey(serviceAccounts, head.key);
    keeper.run(async () => {
      undone++;
      await keepPullSecret(ctx, namespace, name);
      undone--;
    });
  });
  if (same) return;
  keeper.run(async () => {
    if (undone === 0) await ctx.store.commit([{ op: 'put', key: MARKER, value: hosts }]);
  });
}

/** The account that a pull secret was made for; undefined of any other secret. */
function ownerOf({ key, value }: Entry): { readonly namespace: string; readonly name: string } | undefined {
  if (!value.includes(ACCOUNT)) return undefined;
  const { metadata } = JSON.parse(value.toString()) as Secret;
  const name = metadata.annotations?.[ACCOUNT];
  return name === undefined ? undefined : { namespace: nameOfKey(secrets, key).namespace, name };
}

async function keepPullSecret(ctx: Context, namespace: string, name: string): Promise<void> {
  const kept = await readKept(ctx.store, serviceAccounts, namespace, name);
  if (!kept || !(DEFAULT_ACCOUNTS.includes(name) || (await isProject(ctx, namespace)))) return;
  const account = parsed(serviceAccounts, ctx.settings, kept);
  if (account.metadata.deletionTimestamp) return;
  const secret = account.metadata.annotations?.[PULL_SECRET] ?? secretName(account);
  if (!(await keepSecret(ctx, account, namespace, secret)) || isLinked(account, secret)) return;
  await tolerating(updateObject(ctx, serviceAccounts, namespace, name, (old) => linked(old, secret), { retry: true }));
}

async function isProject(ctx: Context, namespace: string): Promise<boolean> {
  const entry = await ctx.store.get(NAMESPACE_PREFIX + namespace);
  return entry?.value.includes(JSON.stringify(REQUESTER)) ?? false;
}

/** The same whoever works it out, so that several processes do not make several. */
function secretName({ metadata: { uid = '', name = '' } }: ServiceAccount): string {
  const digest = hash('sha256', uid, 'buffer');
  const suffix = Array.from(
    digest.subarray(0, SUFFIX_LENGTH),
    (byte) => SUFFIX_CHARACTERS[byte % SUFFIX_CHARACTERS.length],
  );
  const base = name.slice(0, NAME_CHARACTERS - INFIX.length - SUFFIX_LENGTH);
  return `${base}${INFIX}${suffix.join('')}`;
}

/** Makes the secret, or brings it up to date. Whether there is one, and it is the account's. */
async function keepSecret(ctx: Context, account: ServiceAccount, namespace: string, name: string): Promise<boolean> {
  const kept = await readKept(ctx.store, secrets, namespace, name);
  const hosts = registryHosts(ctx.settings);
  if (!kept) {
    const uid = ctx.uid();
    const secret = await pullSecret(ctx, account, { namespace, name, uid, hosts });
    // The token names the secret's uid, so that is known before.
    await tolerating(createObject({ ...ctx, uid: () => uid }, secrets, namespace, secret));
    return (await readKept(ctx.store, secrets, namespace, name)) !== undefined;
  }
  const secret = parsed(secrets, ctx.settings, kept);
  const { annotations, ownerReferences, uid = '', deletionTimestamp } = secret.metadata;
  const owned = ownerReferences?.some((owner) => owner.uid === account.metadata.uid) ?? false;
  if (annotations?.[ACCOUNT] !== nameOf(account) || !owned || deletionTimestamp) return false;
  if (!isFor(secret, hosts)) {
    const { data } = await pullSecret(ctx, account, { namespace, name, uid, hosts });
    await tolerating(updateObject(ctx, secrets, namespace, name, (old) => ({ ...old, data: data ?? {} })));
  }
  return true;
}

/** The names by which the registry is pulled from. */
function registryHosts({ registryHost, publicRegistryHost }: Settings): readonly string[] {
  return publicRegistryHost === undefined ? [registryHost] : [registryHost, publicRegistryHost];
}

/** Whether the secret is for just these registries. */
function isFor({ data }: Secret, hosts: readonly string[]): boolean {
  const text = Buffer.from(data?.[CONTENT] ?? '', 'base64').toString();
  try {
    return (
      Object.keys(JSON.parse(text) as object)
        .sort()
        .join() === [...hosts].sort().join()
    );
  } catch {
    return false;
  }
}

interface Planned {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hosts: readonly string[];
}

async function pullSecret(ctx: Context, { metadata }: ServiceAccount, planned: Planned): Promise<Secret> {
  const { namespace, name, uid, hosts } = planned;
  const account = { namespace, name: metadata.name ?? '', uid: metadata.uid ?? '' };
  const token = await ctx.accountTokens.issue({
    account,
    audiences: [ACCOUNT_TOKEN_ISSUER],
    issued: ctx.now(),
    bound: { kind: 'Secret', name, uid },
  });
  const auth = Buffer.from(`${USER}:${token}`).toString('base64');
  const content = Object.fromEntries(hosts.map((host) => [host, { auth }]));
  return {
    metadata: {
      name,
      annotations: { [ACCOUNT]: account.name, [BINDING]: 'bound' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ServiceAccount', name: account.name, uid: account.uid }],
    },
    type: DOCKER_CFG,
    data: { [CONTENT]: Buffer.from(JSON.stringify(content)).toString('base64') },
  };
}

function isLinked(
  { metadata, secrets: mountable = [], imagePullSecrets = [] }: ServiceAccount,
  secret: string,
): boolean {
  const names = (list: readonly { name?: string }[]): boolean => list.some(({ name }) => name === secret);
  return metadata.annotations?.[PULL_SECRET] === secret && names(mountable) && names(imagePullSecrets);
}

/** The account with the secret, for pods to mount and to pull with; others that it names stay. */
function linked(account: ServiceAccount, secret: string): ServiceAccount {
  const { metadata, secrets: mountable = [], imagePullSecrets = [] } = account;
  const others = (list: readonly { name?: string }[]): { name?: string }[] =>
    list.filter(({ name }) => name !== secret);
  return {
    ...account,
    metadata: { ...metadata, annotations: { ...metadata.annotations, [PULL_SECRET]: secret } },
    secrets: [...others(mountable), { name: secret }],
    imagePullSecrets: [...others(imagePullSecrets), { name: secret }],
  };
}
