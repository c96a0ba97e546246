/** What domain code is given: the process's services, and who asks for what. */
import type { AccountTokens } from '../access/accounttokens.ts';
import type { Bearers } from '../access/authenticator.ts';
import type { Authorizer, User } from '../access/user.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { RegistryPattern } from '../image/allowedregistries.ts';
import type { Store } from '../store/store.ts';
import type { Restrictions } from './restrictions.ts';

/** Settings that show in objects, or say what the domain may do. */
export interface Settings {
  /** Host (and port) of the registry, as it stands in `status.dockerImageRepository`. */
  readonly registryHost: string;
  /** Host for `status.publicDockerImageRepository`, if there is one. */
  readonly publicRegistryHost?: string;
  /** What clients must trust to reach the API: certificates as PEM. Published in every namespace. */
  readonly rootCertificates?: string;
  /** Whether a push makes its namespace when it does not exist. */
  readonly autoNamespaces: boolean;
  /** Seconds that uploaded content stays though nothing refers to it yet; CONTENT_LEASE_SECONDS if it is not given. */
  readonly leaseSeconds?: number;
  /** Seconds that garbage is kept after it was first seen; longer than any arrival takes if it is not given. */
  readonly graceSeconds?: number;
  /** What imports may reach of networks; public and private addresses if it is not given, not this machine itself. */
  readonly imports?: {
    /** Whether loopback, link-local and metadata addresses as well. */
    readonly allowPrivate: boolean;
    /** Networks (ADDRESS/BITS) that may not be reached in any case. */
    readonly deny: readonly string[];
    /** Registries that images may come from, beside the own one; any if it is not given. */
    readonly registries?: readonly RegistryPattern[];
  };
}

/** What a process has; the same for every request. Nothing in it is missed by another replica. */
export interface Services {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly authorizer: Authorizer;
  readonly settings: Settings;
  /** Makes and knows the tokens of service accounts. */
  readonly accountTokens: AccountTokens;
  /** Knows the tokens of users: those of administrators, those that users got by logging in, those of OpenID providers. */
  readonly userTokens: Bearers;
  now(): Date;
  /** A new version 4 UUID. */
  uid(): string;
  /** Random characters out of Kubernetes' safe alphabet (no vowels), for generateName. */
  suffix(characters: number): string;
}

/** One request. */
export interface Context extends Services {
  readonly user: User;
  /** Run everything, store nothing. */
  readonly dryRun: boolean;
  /** Who owns the fields that are written. */
  readonly fieldManager?: string;
  /** What restricts the namespace that is written into, as this try of the write sees it. */
  readonly restrictions?: Restrictions;
  /** Ends when the client has gone. */
  readonly signal?: AbortSignal;
  /** Tells the client something without failing (a Warning header). */
  warn(text: string): void;
}
