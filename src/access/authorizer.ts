/** What a caller may do. Deny by default: what no rule allows is refused. */
import type { Awaitable } from '../store/store.ts';
import { type Attributes, type Authorizer, type Decision, MASTERS, type User } from './user.ts';

/**
 * Rules that allow things, for example compiled roles. `why` becomes the decision's reason; undefined if no rule allows
 * it. Rules never deny: that is what happens when none allows.
 */
export interface Rules {
  allow(user: User, attributes: Attributes): Awaitable<string | undefined>;
}

/** kube-apiserver gives no reason for what masters may do, nor for what simply no role allows. */
const MASTER: Decision = { allowed: true, reason: '' };
const DENIED: Decision = { allowed: false, reason: '' };

/** Members of system:masters may do everything, others what the rules allow. */
export function makeAuthorizer(...rules: readonly Rules[]): Authorizer {
  return {
    authorize: (user, attributes) => {
      if (user.groups.includes(MASTERS)) return MASTER;
      return rules.length === 0 ? DENIED : ask(rules, user, attributes);
    },
  };
}

async function ask(rules: readonly Rules[], user: User, attributes: Attributes): Promise<Decision> {
  for (const rule of rules) {
    const reason = await rule.allow(user, attributes);
    if (reason !== undefined) return { allowed: true, reason };
  }
  return DENIED;
}

/**
 * What follows `… is forbidden: ` in the refusal of a request, word for word as kube-apiserver says it
 * (apiserver/pkg/endpoints/handlers/responsewriters/errors.go).
 */
export function refusalOf(user: User, attributes: Attributes, decision: Decision): string {
  const words =
    'path' in attributes
      ? `User "${user.name}" cannot ${attributes.verb} path "${attributes.path}"`
      : `User "${user.name}" cannot ${attributes.verb} resource "${resourceOf(attributes)}" in API group "${attributes.group}"${
          attributes.namespace ? ` in the namespace "${attributes.namespace}"` : ' at the cluster scope'
        }`;
  return decision.reason === '' ? words : `${words}: ${decision.reason}`;
}

function resourceOf(attributes: { readonly resource: string; readonly subresource?: string }): string {
  return attributes.subresource ? `${attributes.resource}/${attributes.subresource}` : attributes.resource;
}
