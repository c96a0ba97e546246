/** What a caller may do. Deny by default: what no rule allows is refused. */
import { quoted } from '../objects/quoting.ts';
import type { Awaitable } from '../store/store.ts';
import { sharedRules, TooManyCombinations } from './grants.ts';
import { EVERYTHING, type PolicyRule } from './role.ts';
import { limits, SCOPES, scopeRefusal, scopeRules } from './scopes.ts';
import {
  type Attributes,
  type Authorizer,
  type Decision,
  type HeldRules,
  MASTERS,
  type Permitted,
  type User,
} from './user.ts';

/**
 * Rules that allow things, for example compiled roles. `allow` gives the decision's reason, undefined if no rule allows
 * it. Rules never deny: that is what happens when none allows.
 */
export interface Rules {
  allow(user: User, attributes: Attributes): Awaitable<string | undefined>;
  /** What is told beside a refusal, such as a bound role that does not exist; '' if there is nothing to tell. */
  obstacle?(user: User, attributes: Attributes): string;
  /** The rules that count for a user in a namespace. */
  rulesFor?(user: User, namespace: string): Awaitable<HeldRules>;
  /** The rules of a cluster role, for scopes that name it; undefined if there is none of that name. */
  clusterRole?(name: string): Awaitable<readonly PolicyRule[] | undefined>;
  /** Who may do something. */
  permittedTo?(attributes: Attributes): Awaitable<Permitted>;
}

/** kube-apiserver gives no reason for what masters may do, nor for what simply no role allows. */
const MASTER: Decision = { allowed: true, reason: '' };
const DENIED: Decision = { allowed: false, reason: '' };

/**
 * Members of system:masters may do everything, others what the rules allow; but whoever comes with a token of narrower
 * scopes nothing beyond them.
 */
export function makeAuthorizer(...rules: readonly Rules[]): Authorizer {
  const decide = (user: User, attributes: Attributes): Awaitable<Decision> =>
    user.groups.includes(MASTERS) ? MASTER : ask(rules, 0, user, attributes);
  const withinScopes = async (user: User, attributes: Attributes): Promise<Decision> => {
    const reason = await scopeRefusal(user, attributes, (name) => clusterRole(rules, name));
    return reason === undefined ? decide(user, attributes) : { allowed: false, reason };
  };
  return {
    authorize: (user, attributes) =>
      user.extra && limits(user.extra[SCOPES]) ? withinScopes(user, attributes) : decide(user, attributes),
    async rulesFor(user, namespace) {
      const held = await heldRules(rules, user, namespace);
      const scopes = user.extra?.[SCOPES];
      if (!limits(scopes)) return held;
      const most = await scopeRules(scopes, namespace, (name) => clusterRole(rules, name));
      try {
        return { ...held, rules: sharedRules(held.rules, most) };
      } catch (error) {
        if (!(error instanceof TooManyCombinations)) throw error;
        return { rules: [], obstacle: `roles and scopes [${scopes.join(' ')}] are too many to be compared` };
      }
    },
    async permittedTo(attributes) {
      const all = await Promise.all(rules.map((one) => one.permittedTo?.(attributes) ?? NOBODY));
      return {
        users: sorted(all.flatMap(({ users }) => users)),
        groups: sorted([MASTERS, ...all.flatMap(({ groups }) => groups)]),
      };
    },
  };
}

async function heldRules(rules: readonly Rules[], user: User, namespace: string): Promise<HeldRules> {
  if (user.groups.includes(MASTERS)) return { rules: EVERYTHING, obstacle: '' };
  const all = await Promise.all(rules.map((one) => one.rulesFor?.(user, namespace) ?? NOTHING));
  return { rules: all.flatMap((held) => held.rules), obstacle: joined(all.map(({ obstacle }) => obstacle)) };
}

async function clusterRole(rules: readonly Rules[], name: string): Promise<readonly PolicyRule[] | undefined> {
  for (const one of rules) {
    const found = await one.clusterRole?.(name);
    if (found) return found;
  }
  return undefined;
}

const NOTHING: HeldRules = { rules: [], obstacle: '' };
const NOBODY: Permitted = { users: [], groups: [] };

function joined(obstacles: readonly string[]): string {
  return obstacles.filter((text) => text !== '').join('; ');
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

/** Asks the rules from `from` on; without a promise, so that what is known costs no turn of the event loop. */
function ask(rules: readonly Rules[], from: number, user: User, attributes: Attributes): Awaitable<Decision> {
  for (let at = from; at < rules.length; at++) {
    const reason = rules[at]?.allow(user, attributes);
    if (reason instanceof Promise) {
      return reason.then((late) =>
        late === undefined ? ask(rules, at + 1, user, attributes) : { allowed: true, reason: late },
      );
    }
    if (reason !== undefined) return { allowed: true, reason };
  }
  const reason = joined(rules.map((one) => one.obstacle?.(user, attributes) ?? ''));
  return reason === '' ? DENIED : { allowed: false, reason };
}

/**
 * What follows `… is forbidden: ` in the refusal of a request, word for word as kube-apiserver says it
 * (apiserver/pkg/endpoints/handlers/responsewriters/errors.go).
 */
export function refusalOf(user: User, attributes: Attributes, decision: Decision): string {
  const words =
    'path' in attributes
      ? `User ${quoted(user.name)} cannot ${attributes.verb} path ${quoted(attributes.path)}`
      : `User ${quoted(user.name)} cannot ${attributes.verb} resource ${quoted(resourceOf(attributes))} in API group ${quoted(attributes.group)}${
          attributes.namespace ? ` in the namespace ${quoted(attributes.namespace)}` : ' at the cluster scope'
        }`;
  return decision.reason === '' ? words : `${words}: ${decision.reason}`;
}

function resourceOf(attributes: { readonly resource: string; readonly subresource?: string }): string {
  return attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource;
}
