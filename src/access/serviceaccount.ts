/** Service accounts as callers: their names, groups, and where the objects are that their tokens depend on. */
import { serviceAccountGroups, serviceAccountUser } from './role.ts';
import { AUTHENTICATED, type User } from './user.ts';

/** Where ServiceAccount objects are kept: `<prefix><namespace>/<name>`. */
export const SERVICE_ACCOUNT_PREFIX = '/serviceaccounts/';

/** Kinds of objects that a token may be bound to, and where they are kept: without its object, a token is worth nothing. */
export const BOUND_PREFIXES = { Pod: '/pods/', Secret: '/secrets/' } as const;
export type BoundKind = keyof typeof BOUND_PREFIXES;

/** One of a namespace's service accounts: just the one that had this uid. */
export interface AccountIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The caller that an account is. */
export function accountUser(account: AccountIdentity, extra?: NonNullable<User['extra']>): User {
  const { namespace, name, uid } = account;
  return {
    name: serviceAccountUser(namespace, name),
    uid,
    groups: [...serviceAccountGroups(namespace), AUTHENTICATED],
    ...(extra && { extra }),
  };
}
