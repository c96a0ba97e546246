/** Who is calling, and what they want to do. Pure types, so that every folder may name them. */
import type { Awaitable } from '../store/store.ts';
import type { PolicyRule } from './role.ts';

/** A caller that has been authenticated. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Members of this group may do everything; they are not asked about in roles. */
export const MASTERS = 'system:masters';
export const AUTHENTICATED = 'system:authenticated';
/** Whoever has logged in here, with a password or what one got for it. */
export const AUTHENTICATED_OAUTH = 'system:authenticated:oauth';
export const UNAUTHENTICATED = 'system:unauthenticated';

/** A caller without a credential: nobody in particular, who may do what roles allow everybody. */
export const ANONYMOUS: User = { name: 'system:anonymous', groups: [UNAUTHENTICATED] };

/** What a request wants to do, as Kubernetes' authorizers see it. */
export type Attributes = ResourceAttributes | NonResourceAttributes;

export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

export interface NonResourceAttributes {
  readonly verb: string;
  readonly path: string;
}

/** Whether it may be done, and why (not): the reason is printed after "is forbidden: …" as Kubernetes does. */
export interface Decision {
  readonly allowed: boolean;
  readonly reason: string;
}

/** Answers whether a user may do something. */
export interface Authorizer {
  authorize(user: User, attributes: Attributes): Awaitable<Decision>;
  /** All rules that count for a user in a namespace ('': in the cluster); without it, they cannot be told. */
  rulesFor?(user: User, namespace: string): Awaitable<HeldRules>;
  /** All who may do something, sorted; without it, they cannot be told. */
  permittedTo?(attributes: Attributes): Awaitable<Permitted>;
}

/** What a user holds. */
export interface HeldRules {
  readonly rules: readonly PolicyRule[];
  /** What is missing, such as a bound role that does not exist; '' if nothing is. */
  readonly obstacle: string;
}

/** Users and groups who may do something. Service accounts are users. */
export interface Permitted {
  readonly users: readonly string[];
  readonly groups: readonly string[];
}
