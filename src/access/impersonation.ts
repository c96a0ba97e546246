/**
 * Acting as somebody else: the Impersonate-… headers of Kubernetes. Each name that is taken on (user, groups, uid, extra)
 * must be allowed to the real caller by the verb `impersonate`.
 */
import type { HttpRequest } from '../http/message.ts';
import { badRequest, forbidden } from '../objects/errors.ts';
import { quoted } from '../objects/quoting.ts';
import type { Awaitable } from '../store/store.ts';
import { refusalOf } from './authorizer.ts';
import { serviceAccountGroups, serviceAccountOf } from './role.ts';
import {
  ANONYMOUS,
  AUTHENTICATED,
  type Authorizer,
  type ResourceAttributes,
  UNAUTHENTICATED,
  type User,
} from './user.ts';

const PREFIX = 'impersonate-';
const EXTRA_PREFIX = 'impersonate-extra-';
const AUTHENTICATION_GROUP = 'authentication.k8s.io';

/** What the headers ask for. */
interface Wanted {
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid: string;
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

/**
 * Who a request acts as: whom `identify` names, or whom that one may impersonate. Throws what `identify` and
 * `impersonated` throw.
 */
export function actingAs(
  identify: (req: HttpRequest) => Awaitable<User>,
  authorizer: Authorizer,
): (req: HttpRequest) => Awaitable<User> {
  return (req) => {
    const caller = identify(req);
    if (!isImpersonating(req)) return caller;
    return Promise.resolve(caller).then((user) => impersonated(authorizer, user, req));
  };
}

/** Whether a request wants to act as somebody else. */
function isImpersonating(req: HttpRequest): boolean {
  const { headers } = req;
  if (headers['impersonate-user'] !== undefined) return true;
  for (const name in headers) if (name.startsWith(PREFIX)) return true;
  return false;
}

/**
 * The user that a request of `caller` acts as: `caller` if it has no such headers.
 * @throws {DomainError} Forbidden if the caller may not be one of the names; BadRequest for a group, uid or extra
 *   without a user.
 */
async function impersonated(authorizer: Authorizer, caller: User, req: HttpRequest): Promise<User> {
  const wanted = wantedOf(req);
  const { user, groups, uid, extra } = wanted;
  if (user === '') {
    if (groups.length === 0 && uid === '' && extra.size === 0) return caller;
    throw badRequest(`requested ${namesOf(wanted)} without impersonating a user`);
  }
  for (const attributes of attributesOf(wanted)) {
    const decision = await authorizer.authorize(caller, attributes);
    if (!decision.allowed) {
      throw forbidden(attributes, attributes.name ?? '', refusalOf(caller, attributes, decision));
    }
  }
  const acting: User = {
    name: user,
    groups: groupsOf(wanted),
    ...(uid !== '' && { uid }),
    ...(extra.size > 0 && { extra: Object.fromEntries(extra) }),
  };
  real.set(acting, caller);
  return acting;
}

const real = new WeakMap<User, User>();

/** Who a user really is whom somebody acts as; undefined if it is oneself. */
export function realCaller(user: User): User | undefined {
  return real.get(user);
}

function namesOf({ groups, uid, extra }: Wanted): string {
  const shown = groups.map((group) => `group ${quoted(group)}`);
  for (const [key, values] of extra) shown.push(...values.map((value) => `extra ${quoted(key)} ${quoted(value)}`));
  if (uid !== '') shown.push(`uid ${quoted(uid)}`);
  return shown.join(', ');
}

/** Headers that may come more than once are read one by one: joined, a name with a comma would be taken for two. */
function wantedOf({ headersDistinct }: HttpRequest): Wanted {
  const extra = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(headersDistinct)) {
    if (name.startsWith(EXTRA_PREFIX) && values) {
      const key = unescaped(name.slice(EXTRA_PREFIX.length));
      extra.set(key, [...(extra.get(key) ?? []), ...values.map(utf8)]);
    }
  }
  return {
    user: utf8(headersDistinct['impersonate-user']?.[0] ?? ''),
    groups: (headersDistinct['impersonate-group'] ?? []).map(utf8),
    uid: utf8(headersDistinct['impersonate-uid']?.[0] ?? ''),
    extra,
  };
}

/** Node reads headers as Latin-1; names are UTF-8. */
function utf8(value: string): string {
  return Buffer.from(value, 'latin1').toString();
}

/** Keys of extra are percent-encoded, since they may hold what header names may not; one that is not is taken as it is. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

/** What the caller must be allowed, in the order in which kube-apiserver asks. */
function* attributesOf({ user, groups, uid, extra }: Wanted): Generator<ResourceAttributes> {
  const verb = 'impersonate';
  const account = serviceAccountOf(user);
  if (account) yield { verb, group: '', resource: 'serviceaccounts', ...account };
  else yield { verb, group: '', resource: 'users', name: user };
  for (const group of groups) yield { verb, group: '', resource: 'groups', name: group };
  for (const [key, values] of extra) {
    for (const value of values) {
      yield { verb, group: AUTHENTICATION_GROUP, resource: 'userextras', subresource: key, name: value };
    }
  }
  if (uid !== '') yield { verb, group: AUTHENTICATION_GROUP, resource: 'uids', name: uid };
}

/** Groups as given; a service account's own where none are. Whoever is not anonymous counts as authenticated. */
function groupsOf({ user, groups }: Wanted): string[] {
  const account = groups.length === 0 ? serviceAccountOf(user) : undefined;
  const given = account ? serviceAccountGroups(account.namespace) : [...groups];
  if (user === ANONYMOUS.name) return given.includes(UNAUTHENTICATED) ? given : [...given, UNAUTHENTICATED];
  return given.includes(AUTHENTICATED) || given.includes(UNAUTHENTICATED) ? given : [...given, AUTHENTICATED];
}
