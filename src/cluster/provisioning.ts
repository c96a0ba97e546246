/** Who somebody is whose password is right: the first login makes a User and an Identity (OpenShift's mapping `claim`). */
import { loggedInUser } from '../access/oauthtokens.ts';
import { FULL_SCOPE } from '../access/scopes.ts';
import type { User as Caller } from '../access/user.ts';
import { CONFLICT_TRIES } from '../limits.ts';
import { canonicalOf, puts } from '../objects/changes.ts';
import type { Context } from '../objects/context.ts';
import { DomainError } from '../objects/errors.ts';
import { nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import { parsed } from '../objects/values.ts';
import { creation } from '../objects/writes.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { type Identity, identities } from './identities.ts';
import { type User, users } from './users.ts';

/** A name that a provider of identities vouches for. */
export interface Vouched {
  readonly provider: string;
  readonly name: string;
}

/**
 * The user that a vouched name is, as a caller with all rights of the user.
 * @throws {DomainError} Unauthorized, saying why, if the identity is no user's, or its user's name is another's.
 */
export async function provisionedUser(ctx: Context, vouched: Vouched): Promise<Caller> {
  for (let tries = 1; ; tries++) {
    try {
      const user = (await mappedUser(ctx, vouched)) ?? (await newUser(ctx, vouched));
      const { name = '', uid = '' } = user.metadata;
      return loggedInUser(name, uid, [FULL_SCOPE]);
    } catch (error) {
      // Another login of the same name was faster: it is looked at again.
      if (!(error instanceof CommitConflict) || tries >= CONFLICT_TRIES) throw error;
    }
  }
}

function refused(message: string): DomainError {
  return new DomainError({ reason: 'Unauthorized', message });
}

/** The user of an identity that is known; undefined if it is not. */
async function mappedUser(ctx: Context, { provider, name }: Vouched): Promise<User | undefined> {
  const title = `${provider}:${name}`;
  const kept = await readKept(ctx.store, identities, '', title);
  if (!kept) return undefined;
  const { user: reference } = parsed(identities, ctx.settings, kept);
  const user = reference?.name ? await readKept(ctx.store, users, '', reference.name) : undefined;
  const found = user && parsed(users, ctx.settings, user);
  if (found && found.metadata.uid === reference?.uid && found.identities?.includes(title)) return found;
  throw refused(
    `the identity ${title} belongs to no user any more: an administrator must delete it, so that the next login makes a new user`,
  );
}

/** Makes the identity, and the user unless there is one without identities, in one commit. */
async function newUser(ctx: Context, { provider, name }: Vouched): Promise<User> {
  const title = `${provider}:${name}`;
  const kept = await readKept(ctx.store, users, '', name);
  const existing = kept && parsed(users, ctx.settings, kept);
  const others = (existing?.identities ?? []).filter((one) => one !== title);
  if (existing && others.length > 0 && !existing.identities?.includes(title)) {
    throw refused(`the user ${name} already logs in as ${others.join(', ')}, so that ${title} cannot be the same user`);
  }
  const changes: Change[] = [];
  let user: User;
  if (existing && kept) {
    user = existing;
    changes.push(...puts(users, '', canonicalOf(users, { ...existing, identities: [title, ...others] }), kept));
  } else {
    const made = await creation(ctx, users, '', { metadata: { name }, identities: [title] });
    user = made.object;
    changes.push(...made.changes);
  }
  const { uid = '' } = user.metadata;
  const identity: Identity = {
    metadata: {},
    providerName: provider,
    providerUserName: name,
    user: { name: nameOf(user), uid },
  };
  changes.push(...(await creation(ctx, identities, '', identity)).changes);
  await ctx.store.commit(changes);
  return user;
}
