/**
 * Bodies as client-go's typed clients send them: `k8s`, a NUL, and the message runtime.Unknown{TypeMeta, raw}. Since
 * Kubernetes 1.32 those clients send Kubernetes' own kinds in no other way.
 */
import { WireType } from '@bufbuild/protobuf/wire';
import { badRequest, DomainError } from '../../objects/errors.ts';
import { messageOfKind } from '../../objects/messages/messages.ts';
import { quoted } from '../../objects/quoting.ts';
import { eachField, MalformedMessage, membersOf } from './message.ts';

const MAGIC = Buffer.from('k8s\0');
const WHAT = 'the body of the request';

/** What an envelope holds that does not say so itself. */
export interface ExpectedType {
  readonly apiVersion: string;
  readonly kind: string;
}

/**
 * The object in such a body, as it would be in JSON.
 * @throws {DomainError} BadRequest if it is malformed or names no kind, or one that its group does not have;
 *   UnsupportedMediaType for kinds of other groups than Kubernetes' own, which must be sent as JSON.
 */
export function decodeProtobuf(bytes: Uint8Array, expected?: ExpectedType): object {
  try {
    return opened(bytes, expected);
  } catch (error) {
    if (error instanceof MalformedMessage) throw badRequest(`${WHAT} is not valid protobuf: ${error.message}`);
    throw error;
  }
}

function opened(bytes: Uint8Array, expected: ExpectedType | undefined): object {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) {
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  if (bytes.length === MAGIC.length) throw badRequest('empty body');
  const { raw, ...given } = envelopeOf(bytes.subarray(MAGIC.length));
  const kind = given.kind || (expected?.kind ?? '');
  const apiVersion = given.apiVersion || (expected?.apiVersion ?? '');
  if (kind === '') throw badRequest(`Object 'Kind' is missing in ${WHAT}`);
  if (apiVersion === '') throw badRequest(`Object 'apiVersion' is missing in ${WHAT}`);
  const message = messageOfKind(apiVersion, kind);
  if (!message) throw badRequest(`no kind ${quoted(kind)} is registered for version ${quoted(apiVersion)}`);
  if (message === 'other') {
    const detail = `${kind} of ${apiVersion} is not read as protobuf: send it as application/json`;
    throw new DomainError({ reason: 'UnsupportedMediaType', message: detail });
  }
  return { kind, apiVersion, ...membersOf(message, raw) };
}

interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

function envelopeOf(bytes: Uint8Array): Envelope {
  let apiVersion = '';
  let kind = '';
  let raw: Uint8Array = new Uint8Array();
  eachField(bytes, (reader, number, wire) => {
    if (wire !== WireType.LengthDelimited) reader.skip(wire, number);
    else if (number === 2) raw = reader.bytes();
    else if (number !== 1) reader.skip(wire, number);
    else {
      eachField(reader.bytes(), (inner, member, type) => {
        if (type !== WireType.LengthDelimited || member > 2) inner.skip(type, member);
        else if (member === 1) apiVersion = inner.string();
        else kind = inner.string();
      });
    }
  });
  return { apiVersion, kind, raw };
}
