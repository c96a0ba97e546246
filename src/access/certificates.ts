/** Who a TLS client certificate says is calling: the common name is the user, the organizations are the groups. */
import type { TLSSocket } from 'node:tls';
import { DomainError } from '../objects/errors.ts';
import { AUTHENTICATED, type User } from './user.ts';

/** What is known of a connection. */
interface Bearer {
  /** Undefined if no certificate was sent, or one that names nobody. */
  readonly user: User | undefined;
  /** Set if a certificate was sent that does not prove anything. */
  readonly refused: boolean;
  /** Milliseconds since 1970 at which the certificate ends, which the connection may survive. */
  readonly expires: number;
}

const NOBODY: Bearer = { user: undefined, refused: false, expires: Number.POSITIVE_INFINITY };
const REFUSED: Bearer = { user: undefined, refused: true, expires: Number.POSITIVE_INFINITY };

/** A connection keeps its certificate, so it is read once. */
const bearers = new WeakMap<TLSSocket, Bearer>();

/**
 * The user of a connection's client certificate; undefined if there is none, or it has no common name.
 * @throws {DomainError} Unauthorized if a certificate was sent that our authority did not issue for clients, or that has
 *   expired: whoever shows one is not taken for an anonymous caller (as in kube-apiserver).
 */
export function certificateUser(socket: TLSSocket, now: Date): User | undefined {
  let bearer = bearers.get(socket);
  if (!bearer) {
    bearer = bearerOf(socket);
    bearers.set(socket, bearer);
  }
  if (bearer.refused || bearer.expires <= now.getTime()) {
    throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
  }
  return bearer.user;
}

function bearerOf(socket: TLSSocket): Bearer {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return NOBODY;
  // OpenSSL has checked the chain, the times and, as part of it, that the certificate may be used by clients.
  if (!socket.authorized) return REFUSED;
  const { CN, O = [] } = certificate.toLegacyObject().subject;
  const name = Array.isArray(CN) ? CN.at(-1) : CN;
  if (!name) return NOBODY;
  const groups = new Set([...(Array.isArray(O) ? O : [O]), AUTHENTICATED]);
  return { user: { name, groups: [...groups] }, refused: false, expires: certificate.validToDate.getTime() };
}
