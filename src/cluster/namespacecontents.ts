/** What every namespace has from its beginning: the service accounts and the certificates that clients look for there. */
import { SERVICE_ACCOUNT_PREFIX } from '../access/serviceaccount.ts';
import { PURGE_RETRY_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { NAMESPACE_PREFIX } from '../objects/namespaced.ts';
import { nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { createObject, creation, updateObject } from '../objects/writes.ts';
import type { Change, Revision, StoreEvent, Watch } from '../store/store.ts';
import { type ConfigMap, configMaps } from './configmaps.ts';
import { type ServiceAccount, serviceAccounts } from './serviceaccounts.ts';

/** `default` is Kubernetes', the others are OpenShift's. */
const ACCOUNTS: readonly string[] = ['builder', 'default', 'deployer'];
/** Programs in pods, and tests, read the API's certificate here. */
const ROOT_CERTIFICATES = 'kube-root-ca.crt';

/** The changes that fill a new namespace, for the commit that makes it. */
export async function namespaceContents(ctx: Context, namespace: string): Promise<Change[]> {
  const made = [
    ...ACCOUNTS.map((name) => creation(ctx, serviceAccounts, namespace, account(name), [])),
    ...certificates(ctx).map((map) => creation(ctx, configMaps, namespace, map, [])),
  ];
  return (await Promise.all(made)).flatMap(({ changes }) => changes);
}

function account(name: string): ServiceAccount {
  return { metadata: { name } };
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
 * deletes or changes it.
 */
export class NamespaceKeeper {
  readonly #ctx: Context;
  readonly #failed: (error: unknown) => void;
  #watches: readonly Watch[] = [];
  #running: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** `failed` hears of what could not be put back: it is tried again at the next start. */
  constructor(ctx: Context, failed: (error: unknown) => void) {
    this.#ctx = ctx;
    this.#failed = failed;
    void this.#begin();
  }

  /** Resolves once everything that is to be done at the moment is done. */
  get idle(): Promise<void> {
    return this.#running;
  }

  /** Ends it; what it is doing at the moment is finished. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const watch of this.#watches) watch.close();
    await this.#running;
  }

  #begin(): Promise<void> {
    return this.#run(async () => {
      const after = await this.#ctx.store.revision();
      if (this.#closed) return;
      this.#watches = [
        this.#watch(SERVICE_ACCOUNT_PREFIX, after, ({ key, value }) => {
          const { namespace, name } = nameOfKey(serviceAccounts, key);
          if (!value && ACCOUNTS.includes(name)) void this.#run(() => keepAccount(this.#ctx, namespace, name));
        }),
        this.#watch(keptOf(configMaps).prefix, after, ({ key }) => {
          const { namespace, name } = nameOfKey(configMaps, key);
          if (name === ROOT_CERTIFICATES) void this.#run(() => keepCertificates(this.#ctx, namespace));
        }),
      ];
      await keepAll(this.#ctx, () => this.#closed);
    });
  }

  #run(work: () => Promise<void>): Promise<void> {
    this.#running = this.#running.then(() => (this.#closed ? undefined : work())).catch(this.#failed);
    return this.#running;
  }

  #watch(prefix: string, after: Revision, use: (event: StoreEvent) => void): Watch {
    return this.#ctx.store.watch(prefix, after, {
      batch: ({ events }) => events.forEach(use),
      ended: (error) => {
        if (!error || this.#closed) return;
        // The store could tell no more. What it did not tell is looked for, by all watches together.
        for (const watch of this.#watches) watch.close();
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => void this.#begin(), PURGE_RETRY_SECONDS * 1000).unref();
      },
    });
  }
}

async function keepAll(ctx: Context, isClosed: () => boolean): Promise<void> {
  for (let after: string | undefined; !isClosed(); ) {
    const page = await ctx.store.list(NAMESPACE_PREFIX, { limit: PAGE, ...(after !== undefined && { after }) });
    for (const { key } of page.entries) {
      const namespace = key.slice(NAMESPACE_PREFIX.length);
      for (const name of ACCOUNTS) await keepAccount(ctx, namespace, name);
      await keepCertificates(ctx, namespace);
    }
    after = page.entries.at(-1)?.key;
    if (!page.more) return;
  }
}

const PAGE = 100;

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

/** Namespaces go away, and other processes do the same work. */
async function tolerating(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    const expected = (['NotFound', 'Forbidden', 'AlreadyExists', 'Conflict', 'Invalid'] as const).some((reason) =>
      isProblem(error, reason),
    );
    if (!expected) throw error;
  }
}
