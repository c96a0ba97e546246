/** Secrets of type `kubernetes.io/service-account-token`: whoever makes one finds a token of the account in it, which lasts. */
import { ACCOUNT_TOKEN_ISSUER } from '../access/accounttokens.ts';
import { PURGE_RETRY_SECONDS } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { eachKept, readKept } from '../objects/reads.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { updateObject } from '../objects/writes.ts';
import type { Revision, StoreEvent, Watch } from '../store/store.ts';
import { SERVICE_ACCOUNT_NAME, SERVICE_ACCOUNT_TOKEN, type Secret, secrets } from './secrets.ts';
import { serviceAccounts } from './serviceaccounts.ts';

const SERVICE_ACCOUNT_UID = 'kubernetes.io/service-account.uid';

/** Fills such secrets: those that wait already, and each that is made or emptied from now on. */
export class TokenSecretKeeper {
  readonly #ctx: Context;
  readonly #failed: (error: unknown) => void;
  #watches: readonly Watch[] = [];
  #running: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  /** `failed` hears of what could not be filled: it is tried again at the next start. */
  constructor(ctx: Context, failed: (error: unknown) => void) {
    this.#ctx = ctx;
    this.#failed = failed;
    this.#begin();
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

  #begin(): void {
    this.#run(async () => {
      const after = await this.#ctx.store.revision();
      if (this.#closed) return;
      this.#watches = [
        this.#watch(keptOf(secrets).prefix, after, ({ key, value }) => {
          if (value?.includes(SERVICE_ACCOUNT_TOKEN)) this.#fill(key);
        }),
        this.#watch(keptOf(serviceAccounts).prefix, after, ({ key, created, revision }) => {
          // The secret may have come first.
          if (created === revision) this.#run(() => this.#fillAll(nameOfKey(serviceAccounts, key).namespace));
        }),
      ];
      await this.#fillAll('');
    });
  }

  #watch(prefix: string, after: Revision, use: (event: StoreEvent) => void): Watch {
    return this.#ctx.store.watch(prefix, after, {
      batch: ({ events }) => events.forEach(use),
      ended: (error) => {
        if (!error || this.#closed) return;
        // The store could tell no more. What it did not tell is looked for, by both watches together.
        for (const watch of this.#watches) watch.close();
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#begin(), PURGE_RETRY_SECONDS * 1000).unref();
      },
    });
  }

  async #fillAll(namespace: string): Promise<void> {
    await eachKept(this.#ctx.store, secrets, namespace, ({ head }) => {
      if (head.value.includes(SERVICE_ACCOUNT_TOKEN)) this.#fill(head.key);
    });
  }

  #fill(key: string): void {
    const { namespace, name } = nameOfKey(secrets, key);
    this.#run(() => fillSecret(this.#ctx, namespace, name));
  }

  #run(work: () => Promise<void>): void {
    this.#running = this.#running.then(() => (this.#closed ? undefined : work())).catch(this.#failed);
  }
}

/** Puts a token into a secret that shall have one, for the account that it names, if that exists. */
async function fillSecret(ctx: Context, namespace: string, name: string): Promise<void> {
  const kept = await readKept(ctx.store, secrets, namespace, name);
  if (!kept) return;
  const secret = parsed(secrets, ctx.settings, kept);
  if (secret.type !== SERVICE_ACCOUNT_TOKEN || secret.metadata.deletionTimestamp || secret.data?.token) return;
  const account = await accountOf(ctx, namespace, secret);
  if (!account) return;
  const { uid: secretUid = '' } = secret.metadata;
  const token = await ctx.accountTokens.issue({
    account,
    audiences: [ACCOUNT_TOKEN_ISSUER],
    issued: ctx.now(),
    bound: { kind: 'Secret', name: nameOf(secret), uid: secretUid },
  });
  const { rootCertificates } = ctx.settings;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const filled: Secret = {
    ...secret,
    metadata: {
      ...secret.metadata,
      annotations: { ...secret.metadata.annotations, [SERVICE_ACCOUNT_UID]: account.uid },
    },
    data: {
      ...secret.data,
      ...(rootCertificates !== undefined && { 'ca.crt': base64(rootCertificates) }),
      namespace: base64(namespace),
      token: base64(token),
    },
  };
  try {
    await updateObject(ctx, secrets, namespace, name, () => filled);
  } catch (error) {
    // It changed or went meanwhile: the watch tells of that too.
    if (!(['Conflict', 'NotFound', 'Invalid', 'Forbidden'] as const).some((reason) => isProblem(error, reason)))
      throw error;
  }
}

/** The account that a secret names; undefined if there is none, or not the one that it was made for. */
async function accountOf(
  ctx: Context,
  namespace: string,
  { metadata }: Secret,
): Promise<{ readonly namespace: string; readonly name: string; readonly uid: string } | undefined> {
  const name = metadata.annotations?.[SERVICE_ACCOUNT_NAME] ?? '';
  const kept = name === '' ? undefined : await readKept(ctx.store, serviceAccounts, namespace, name);
  const { uid } = (kept && parsed(serviceAccounts, ctx.settings, kept).metadata) ?? {};
  const wanted = metadata.annotations?.[SERVICE_ACCOUNT_UID];
  return uid === undefined || (wanted !== undefined && wanted !== uid) ? undefined : { namespace, name, uid };
}
