/** etcd's messages of the Lease and Auth services. */
import type { Method } from './messages.ts';
import { eachField, Message, numberOf } from './wire.ts';

/** A lease; `seconds` is what is left of it, 0 if it is over. */
export interface Lease {
  readonly id: bigint;
  readonly seconds: number;
}

export const LEASE_GRANT: Method<{ readonly seconds: number }, Lease> = {
  path: '/etcdserverpb.Lease/LeaseGrant',
  encode: ({ seconds }) => new Message().int(1, seconds).finish(),
  decode: leaseOf,
};

export const LEASE_REVOKE: Method<{ readonly id: bigint }, undefined> = {
  path: '/etcdserverpb.Lease/LeaseRevoke',
  encode: ({ id }) => new Message().int(1, id).finish(),
  decode: () => undefined,
};

/** A stream in etcd's API; here one question and one answer on a stream of its own. */
export const LEASE_KEEP_ALIVE: Method<{ readonly id: bigint }, Lease> = {
  path: '/etcdserverpb.Lease/LeaseKeepAlive',
  encode: ({ id }) => new Message().int(1, id).finish(),
  decode: leaseOf,
};

/** Answers with a token, which later calls carry. */
export const AUTHENTICATE: Method<{ readonly name: string; readonly password: string }, string> = {
  path: '/etcdserverpb.Auth/Authenticate',
  encode: ({ name, password }) => new Message().text(1, name).text(2, password).finish(),
  decode: (bytes) => {
    let token = '';
    eachField(bytes, (field, reader) => {
      if (field !== 2) return false;
      token = reader.string();
      return true;
    });
    return token;
  },
};

function leaseOf(bytes: Buffer): Lease {
  let id = 0n;
  let seconds = 0;
  eachField(bytes, (field, reader) => {
    if (field === 2) id = BigInt(reader.int64());
    else if (field === 3) seconds = numberOf(reader);
    else return false;
    return true;
  });
  return { id, seconds };
}
