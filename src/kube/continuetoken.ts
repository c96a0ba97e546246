/** `continue` of a list: opaque to clients, the snapshot and the place where the next page begins. */
import { badRequest, DomainError } from '../objects/errors.ts';
import type { Revision } from '../store/store.ts';

export interface ContinueToken {
  /** The snapshot; undefined to go on with whatever is there now. */
  readonly revision: Revision | undefined;
  /** The store key after which the list goes on. */
  readonly after: string;
}

/** Keys are told without the resource's prefix, which is nobody's business. */
export function encodeContinue(prefix: string, { revision, after }: ContinueToken): string {
  const token = { v: 1, ...(revision !== undefined && { r: revision }), k: after.slice(prefix.length) };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

/** @throws {DomainError} BadRequest if the text is no token of this server. */
export function decodeContinue(prefix: string, text: string): ContinueToken {
  const token = parsedToken(text);
  if (typeof token !== 'object' || token === null || !('v' in token) || token.v !== 1) throw notValid();
  const revision = 'r' in token ? token.r : undefined;
  const key = 'k' in token ? token.k : undefined;
  const whole = revision === undefined || (Number.isSafeInteger(revision) && Number(revision) > 0);
  if (!whole || typeof key !== 'string' || key.includes('\0') || !key.isWellFormed()) throw notValid();
  return { revision: revision === undefined ? undefined : Number(revision), after: prefix + key };
}

function parsedToken(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw notValid();
  }
}

function notValid(): DomainError {
  return badRequest(
    'invalid continue token: continue key is not valid: send the one of the last page as it was received, or none to start anew',
  );
}

/** The snapshot of a token is gone: 410 with another token that goes on without it. */
export function expiredContinue(prefix: string, token: ContinueToken): DomainError {
  return new DomainError({
    reason: 'Expired',
    message:
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    continue: encodeContinue(prefix, { revision: undefined, after: token.after }),
  });
}
