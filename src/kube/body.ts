/** Bodies of requests: read whole within a limit, decoded as JSON or YAML, with the members that stand there twice. */
import { createRequire } from 'node:module';
import type { HttpRequest } from '../http/message.ts';
import { API_BODY_SECONDS, JSON_DEPTH } from '../limits.ts';
import { badRequest, DomainError } from '../objects/errors.ts';
import { type Survey, surveyed } from './jsonsurvey.ts';
import { bodyType } from './negotiate.ts';
import type { ExpectedType } from './protobuf/envelope.ts';
import { tooDeep, yamlValue } from './yamlbody.ts';

/** A body as a value. */
export interface Decoded {
  readonly value: unknown;
  /** Paths of members that an object holds more than once, in the order of the body: `data.k`. The last one counts. */
  readonly duplicates: readonly string[];
  /** Where numbers stand in JSON that are not written as integers. */
  readonly fractions?: Survey['fractions'];
}

/**
 * The whole body. Nothing that the request asks for may be begun before it is there.
 * @throws {DomainError} RequestEntityTooLarge as soon as it is known (what is left is not read: the answer should close
 *   the connection); UnsupportedMediaType if it is compressed, which kube-apiserver does not take either; BadRequest if
 *   the client breaks off or takes too long.
 */
export async function readBody(req: HttpRequest, limitBytes: number): Promise<Buffer> {
  const encoding = req.headers['content-encoding']?.trim().toLowerCase();
  if (encoding && encoding !== 'identity') {
    const message = `the body of the request is encoded as ${encoding}, which is not supported: send it as it is`;
    throw new DomainError({ reason: 'UnsupportedMediaType', message });
  }
  const declared = Number(req.headers['content-length']);
  if (declared > limitBytes) throw tooLarge(limitBytes);
  return collected(req, limitBytes);
}

function collected(req: HttpRequest, limitBytes: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const pieces: Buffer[] = [];
  let bytes = 0;
  const take = (piece: Buffer): void => {
    bytes += piece.length;
    if (bytes > limitBytes) {
      req.pause();
      settle(() => reject(tooLarge(limitBytes)));
    } else pieces.push(piece);
  };
  const end = (): void =>
    settle(() => resolve(pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces)));
  const broken = (): void => settle(() => reject(badRequest('the body of the request broke off before its end')));
  const late = (): void => {
    req.pause();
    settle(() =>
      reject(badRequest(`the body of the request has not come to its end within ${API_BODY_SECONDS} seconds`)),
    );
  };
  const timer = setTimeout(late, API_BODY_SECONDS * 1000);
  const settle = (then: () => void): void => {
    clearTimeout(timer);
    req.off('data', take).off('end', end).off('close', broken);
    // An error that comes after this is of no interest, but must have a listener.
    req.off('error', broken).on('error', () => undefined);
    then();
  };
  req.on('data', take).on('end', end).on('error', broken).on('close', broken);
  return promise;
}

function tooLarge(limitBytes: number): DomainError {
  return new DomainError({ reason: 'RequestEntityTooLarge', message: `limit is ${limitBytes}` });
}

const require = createRequire(import.meta.url);

/** The reading of protobuf. It comes with the first body that needs it: its library takes a start some 20 milliseconds. */
function protobuf(): typeof import('./protobuf/envelope.ts') {
  return require('./protobuf/envelope.ts') as typeof import('./protobuf/envelope.ts');
}

/**
 * A body as a value: JSON, also if there is no content type, YAML, or protobuf for Kubernetes' own kinds. `null` counts
 * as an object without members, bytes that are no UTF-8 are replaced, as kube-apiserver does.
 * @param expected What a protobuf body is that does not say so itself.
 * @throws {DomainError} BadRequest if it is malformed or too deep; UnsupportedMediaType for other content types.
 */
export function decodeBody(bytes: Buffer, contentType: string | undefined, expected?: ExpectedType): Decoded {
  switch (bodyType(contentType)) {
    case 'json':
      return nullAsObject(decodeJson(bytes));
    case 'yaml':
      return nullAsObject(decodeYaml(bytes));
    case 'protobuf':
      return { value: protobuf().decodeProtobuf(bytes, expected), duplicates: [] };
  }
}

function nullAsObject(decoded: Decoded): Decoded {
  return decoded.value === null ? { ...decoded, value: {} } : decoded;
}

/** JSON, whatever the content type says. Throws as `decodeBody`; `what` names it in the words of errors. */
export function decodeJson(bytes: Buffer, what = 'the body of the request'): Decoded {
  const text = bytes.toString('utf8');
  const survey = surveyed(text);
  if (survey.depth > JSON_DEPTH) throw tooDeep(what);
  try {
    const { duplicates, fractions } = survey;
    return { value: JSON.parse(text), duplicates, ...(fractions.length > 0 && { fractions }) };
  } catch (error) {
    throw badRequest(`${what} is not valid JSON: ${error instanceof Error ? error.message : 'it cannot be parsed'}`);
  }
}

/** YAML; JSON under that name, as `kubectl apply --server-side` sends it, is parsed as JSON. Throws as `decodeBody`. */
function decodeYaml(bytes: Buffer, what = 'the body of the request'): Decoded {
  if (/^\s*[{[]/.test(bytes.toString('latin1', 0, 64))) {
    try {
      return decodeJson(bytes, what);
    } catch (error) {
      // Flow style of YAML begins like JSON, but needs no quotes.
      if (error instanceof DomainError && error.message === tooDeep(what).message) throw error;
    }
  }
  return yamlValue(bytes, what);
}
