/** Secrets of type `kubernetes.io/service-account-token`: whoever makes one finds a token of the account in it, which lasts. */
import { ACCOUNT_TOKEN_ISSUER } from '../access/accounttokens.ts';
import { type AccountIdentity, SERVICE_ACCOUNT_PREFIX } from '../access/serviceaccount.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { eachKept, readKept } from '../objects/reads.ts';
import { keptOf, nameOfKey, parsed } from '../objects/values.ts';
import { updateObject } from '../objects/writes.ts';
import { Keeper } from './keeper.ts';
import { SERVICE_ACCOUNT_NAME, SERVICE_ACCOUNT_TOKEN, type Secret, secrets } from './secrets.ts';
import { serviceAccounts } from './serviceaccounts.ts';

const SERVICE_ACCOUNT_UID = 'kubernetes.io/service-account.uid';

/**
 * Fills such secrets: those that wait already, and each that is made or emptied from now on. `failed` hears of what could
 * not be filled.
 */
export function keepTokenSecrets(ctx: Context, failed: (error: unknown) => void): Keeper {
  const fill = (key: string) => (): Promise<void> => {
    const { namespace, name } = nameOfKey(secrets, key);
    return fillSecret(ctx, namespace, name);
  };
  const fillAll = async (keeper: Keeper, namespace: string): Promise<void> => {
    await eachKept(ctx.store, secrets, namespace, ({ head }) => {
      if (head.value.includes(SERVICE_ACCOUNT_TOKEN)) keeper.run(fill(head.key));
    });
  };
  const keeper: Keeper = new Keeper({
    store: ctx.store,
    changed: {
      [keptOf(secrets).prefix]: ({ key, value }) => (value?.includes(SERVICE_ACCOUNT_TOKEN) ? fill(key) : undefined),
      // The secret may have come before its account.
      [SERVICE_ACCOUNT_PREFIX]: ({ key, created, revision }) =>
        created === revision ? () => fillAll(keeper, nameOfKey(serviceAccounts, key).namespace) : undefined,
    },
    all: (it) => fillAll(it, ''),
    failed,
  });
  return keeper;
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
async function accountOf(ctx: Context, namespace: string, { metadata }: Secret): Promise<AccountIdentity | undefined> {
  const name = metadata.annotations?.[SERVICE_ACCOUNT_NAME] ?? '';
  const kept = name === '' ? undefined : await readKept(ctx.store, serviceAccounts, namespace, name);
  const { uid } = (kept && parsed(serviceAccounts, ctx.settings, kept).metadata) ?? {};
  const wanted = metadata.annotations?.[SERVICE_ACCOUNT_UID];
  return uid === undefined || (wanted !== undefined && wanted !== uid) ? undefined : { namespace, name, uid };
}
