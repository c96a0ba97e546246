/** What every namespace has from its beginning: the service accounts and certificates, in `default` the service, that clients look for. */
import { SERVICE_ACCOUNT_PREFIX } from '../access/serviceaccount.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { createObject, creation, updateObject } from '../objects/writes.ts';
import type { Change } from '../store/store.ts';
import { type ConfigMap, configMaps } from './configmaps.ts';
import { Keeper } from './keeper.ts';
import { type ServiceAccount, serviceAccounts } from './serviceaccounts.ts';
import { type Service, services } from './services.ts';

/** The accounts of every namespace: `default` is Kubernetes', the others are OpenShift's. */
export const DEFAULT_ACCOUNTS: readonly string[] = ['builder', 'default', 'deployer'];
/** Programs in pods, and tests, read the API's certificate here. */
const ROOT_CERTIFICATES = 'kube-root-ca.crt';
/** The namespace and the name of the service by which programs and Kubernetes' own tests look for the API. */
const API_SERVICE = { namespace: 'default', name: 'kubernetes' } as const;

/** The changes that fill a new namespace, for the commit that makes it. */
export async function namespaceContents(ctx: Context, namespace: string): Promise<Change[]> {
  const made = [
    ...DEFAULT_ACCOUNTS.map((name) => creation(ctx, serviceAccounts, namespace, account(name), [])),
    ...certificates(ctx).map((map) => creation(ctx, configMaps, namespace, map, [])),
    ...(namespace === API_SERVICE.namespace ? [creation(ctx, services, namespace, apiService(), [])] : []),
  ];
  return (await Promise.all(made)).flatMap(({ changes }) => changes);
}

function account(name: string): ServiceAccount {
  return { metadata: { name } };
}

/** The API as a service. It has no address in a cluster: there is no cluster whose network would lead to it. */
function apiService(): Service {
  return {
    metadata: { name: API_SERVICE.name, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      clusterIPs: ['None'],
      ports: [{ name: 'https', port: 443, protocol: 'TCP' }],
    },
  };
}

/** None where the server does not know what clients must trust. */
function certificates({ settings }: Context): ConfigMap[] {
  const { rootCertificates } = settings;
  if (rootCertificates === undefined) return [];
  const description = 'The certificates by which clients know the API server. Kept as it is by the server.';
  return [
    {
      metadata: { name: ROOT_CERTIFICATES, annotations: { 'kubernetes.io/description': description } },
      data: { 'ca.crt': rootCertificates },
    },
  ];
}

/**
 * Puts back what belongs into every namespace: at first wherever it is missing or out of date, then whenever somebody
 * deletes or changes it. `failed` hears of what could not be put back.
 */
export function keepNamespaces(ctx: Context, failed: (error: unknown) => void): Keeper {
  return new Keeper({
    store: ctx.store,
    changed: {
      [SERVICE_ACCOUNT_PREFIX]: ({ key, value }) => {
        const { namespace, name } = nameOfKey(serviceAccounts, key);
        return !value && DEFAULT_ACCOUNTS.includes(name) ? () => keepAccount(ctx, namespace, name) : undefined;
      },
      [keptOf(configMaps).prefix]: ({ key }) => {
        const { namespace, name } = nameOfKey(configMaps, key);
        return name === ROOT_CERTIFICATES ? () => keepCertificates(ctx, namespace) : undefined;
      },
      [keptOf(services).prefix]: ({ key, value }) => {
        const { namespace, name } = nameOfKey(services, key);
        const gone = !value && namespace === API_SERVICE.namespace && name === API_SERVICE.name;
        return gone ? () => keepApiService(ctx) : undefined;
      },
    },
    all: (keeper) => keepAll(ctx, keeper),
    failed,
  });
}

async function keepAll(ctx: Context, keeper: Keeper): Promise<void> {
  const { entries } = await ctx.store.list(NAMESPACE_PREFIX);
  for (const { key } of entries) {
    const namespace = key.slice(NAMESPACE_PREFIX.length);
    for (const name of DEFAULT_ACCOUNTS) {
      if (keeper.closed) return;
      await keepAccount(ctx, namespace, name);
    }
    await keepCertificates(ctx, namespace);
  }
  await keepApiService(ctx);
}

async function keepApiService(ctx: Context): Promise<void> {
  const { namespace, name } = API_SERVICE;
  if (await readKept(ctx.store, services, namespace, name)) return;
  await tolerating(createObject(ctx, services, namespace, apiService()));
}

async function keepAccount(ctx: Context, namespace: string, name: string): Promise<void> {
  if (await readKept(ctx.store, serviceAccounts, namespace, name)) return;
  await tolerating(createObject(ctx, serviceAccounts, namespace, account(name)));
}

async function keepCertificates(ctx: Context, namespace: string): Promise<void> {
  for (const map of certificates(ctx)) {
    const name = nameOf(map);
    const kept = await readKept(ctx.store, configMaps, namespace, name);
    if (!kept) await tolerating(createObject(ctx, configMaps, namespace, map));
    else if (parsed(configMaps, ctx.settings, kept).data?.['ca.crt'] !== map.data?.['ca.crt']) {
      const change = (old: ConfigMap): ConfigMap => ({ ...old, data: map.data ?? {} });
      await tolerating(updateObject(ctx, configMaps, namespace, name, change, { retry: true }));
    }
  }
}

/** Waits for a write of the server's own: namespaces go away, and other processes do the same work. */
export async function tolerating(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    const expected = (['NotFound', 'Forbidden', 'AlreadyExists', 'Conflict', 'Invalid'] as const).some((reason) =>
      isProblem(error, reason),
    );
    if (!expected) throw error;
  }
}
