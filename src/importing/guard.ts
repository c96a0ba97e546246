/** Where the server may connect to for a user: a name is resolved once, checked, and that very address is used. */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { blockList, classify, holds } from './addresses.ts';

/** What imports may reach. */
export interface Reach {
  /** Whether loopback, link-local and metadata addresses as well. */
  readonly allowPrivate: boolean;
  /** Networks (ADDRESS/BITS) that may not be reached in any case. */
  readonly deny: readonly string[];
}

/** Whether an address is on the Internet, or in a network of one's own (this machine counts as that). */
export type Zone = 'public' | 'private';

/** An address that may be connected to. */
export interface Place {
  readonly address: string;
  readonly family: 4 | 6;
  readonly zone: Zone;
}

/** A name that leads where imports may not go. */
export class AddressRefused extends Error {
  override name = 'AddressRefused';
}

/** Gives all addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly { readonly address: string }[]>;

export interface Guard {
  /**
   * The address to connect to for a host name or address (IPv6 in brackets or not).
   * @param from Where the name came from, if a server gave it (a redirect, a token realm): one on the Internet must not
   *   send us into a private network.
   * @throws {AddressRefused}, or the resolver's error.
   */
  admit(hostname: string, from?: Zone): Promise<Place>;
}

const resolveAll: Resolve = (hostname) => lookup(hostname, { all: true, order: 'verbatim' });

/** A guard of a reach. */
export function makeGuard(reach: Reach, resolve: Resolve = resolveAll): Guard {
  const denied = blockList(reach.deny);
  const refusal = (address: string, from: Zone | undefined): string | undefined => {
    const { class: is, name } = classify(address);
    if (holds(denied, address)) return 'which this server is told not to reach (--import-deny)';
    if (is === 'never') return `which is ${name}`;
    if (is === 'near' && !reach.allowPrivate) {
      return `which is ${name}; imports may not reach it unless the server runs with --import-allow-private`;
    }
    if (from === 'public' && is !== 'public') return `which is ${name}; a server on the Internet may not send us there`;
    return undefined;
  };
  return {
    async admit(hostname, from) {
      const host = hostname.replace(/^\[(.*)\]$/, '$1');
      const addresses = isIP(host) ? [{ address: host }] : await resolve(host);
      let why: string | undefined;
      for (const { address } of addresses) {
        const refused = refusal(address, from);
        if (refused === undefined) {
          const zone = classify(address).class === 'public' ? 'public' : 'private';
          return { address, family: isIP(address) === 6 ? 6 : 4, zone };
        }
        why ??= `may not connect to ${host === address ? host : `${host} at ${address}`}, ${refused}`;
      }
      throw new AddressRefused(why ?? `${host} has no address`);
    },
  };
}
