/** Protobuf messages as the JSON that they stand for. Pure. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { JSON_DEPTH } from '../../limits.ts';
import { type Field, type Message, messageNamed, type PlainType } from '../../objects/messages/messages.ts';
import { surveyed } from '../jsonsurvey.ts';
import { setMember } from '../patch/json.ts';

/** Bytes that are no such message. */
export class MalformedMessage extends Error {
  override name = 'MalformedMessage';
}

type Members = Record<string, unknown>;

/**
 * The members of a message. Fields that the table does not know are left out without a word, as Go's decoders do; a field
 * that is there twice is merged if it is a message, and otherwise the last one counts.
 * @throws {MalformedMessage} if the bytes end too early, a field is of another type, a time is out of range, or what
 *   should be JSON is none.
 */
export function membersOf(message: Message, bytes: Uint8Array, into: Members = {}): Members {
  eachField(bytes, (reader, number, wire) => {
    const field = message.get(number);
    if (field) takeField(field, reader, wire, into);
    else reader.skip(wire, number);
  });
  return into;
}

/** Calls a function with each field; what it does not read it must skip. Throws as `membersOf`. */
export function eachField(
  bytes: Uint8Array,
  take: (reader: BinaryReader, number: number, wire: WireType) => void,
): void {
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      take(reader, number, wire);
    }
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedMessage('unexpected end of the message');
    // What the reader says itself has the plain type.
    if (error instanceof Error && error.constructor === Error) throw new MalformedMessage(error.message);
    throw error;
  }
}

function takeField(field: Field, reader: BinaryReader, wire: WireType, into: Members): void {
  const { member, holds, type } = field;
  if (holds === 'map') {
    expect(member, wire, WireType.LengthDelimited);
    takeEntry(
      field,
      reader.bytes(),
      own(into, member, (): Members => ({})),
    );
    return;
  }
  if (holds === 'list') {
    const list = own(into, member, (): unknown[] => []);
    if (wire === WireType.LengthDelimited && (type === 'int' || type === 'bool' || type === 'double')) {
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len) list.push(scalarOf(type, packed));
      return;
    }
    list.push(readValue(field, reader, wire, undefined));
    return;
  }
  if (member === '' && typeof type === 'object') {
    expect(type.message, wire, WireType.LengthDelimited);
    membersOf(messageNamed(type.message), reader.bytes(), into);
    return;
  }
  into[member] = readValue(field, reader, wire, into[member]);
}

/** A member that holds others, made if it is not there. */
function own<T>(into: Members, member: string, make: () => T): T {
  const found = into[member];
  // Only this function sets it, always to what `make` gives.
  if (found !== undefined) return found as T;
  const made = make();
  into[member] = made;
  return made;
}

function takeEntry(field: Field, bytes: Uint8Array, into: Members): void {
  let key = '';
  let value: unknown;
  eachField(bytes, (reader, number, wire) => {
    if (number === 1) {
      expect(field.member, wire, WireType.LengthDelimited);
      key = reader.string();
    } else if (number === 2) value = readValue(field, reader, wire, undefined);
    else reader.skip(wire, number);
  });
  setMember(into, key, value ?? emptyOf(field.type));
}

/** What a map holds where an entry leaves its value out. */
function emptyOf(type: Field['type']): unknown {
  if (type === 'quantity') return '0';
  return typeof type === 'object' ? {} : '';
}

/** One value; `before` is what the same field held already. */
function readValue({ member, type }: Field, reader: BinaryReader, wire: WireType, before: unknown): unknown {
  if (type === 'int' || type === 'bool' || type === 'double') {
    expect(member, wire, type === 'double' ? WireType.Bit64 : WireType.Varint);
    return scalarOf(type, reader);
  }
  expect(member, wire, WireType.LengthDelimited);
  if (type === 'string') return reader.string();
  const bytes = reader.bytes();
  if (typeof type === 'object') {
    return membersOf(messageNamed(type.message), bytes, typeof before === 'object' && before ? { ...before } : {});
  }
  return wrappedOf(type, bytes);
}

function scalarOf(type: 'int' | 'bool' | 'double', reader: BinaryReader): unknown {
  if (type === 'bool') return reader.bool();
  return type === 'double' ? reader.double() : Number(reader.int64());
}

type WrappedType = Exclude<PlainType, 'string' | 'int' | 'bool' | 'double'>;

/** Values that are kept in bytes or in a message of their own. */
function wrappedOf(type: WrappedType, bytes: Uint8Array): unknown {
  if (type === 'bytes') return Buffer.from(bytes).toString('base64');
  if (type === 'time' || type === 'microtime') return timeOf(bytes, type === 'microtime');
  const fields = new Map<number, unknown>();
  const strings: string[] = [];
  eachField(bytes, (reader, number, wire) => {
    if (wire === WireType.Varint) fields.set(number, Number(reader.int64()));
    else if (wire !== WireType.LengthDelimited) reader.skip(wire, number);
    else if (type === 'json') fields.set(number, reader.bytes());
    else {
      const text = reader.string();
      fields.set(number, text);
      strings.push(text);
    }
  });
  switch (type) {
    case 'quantity':
      return fields.get(1) || '0';
    case 'strings':
      return strings;
    case 'intorstring':
      return fields.get(1) === 1 ? (fields.get(3) ?? '') : (fields.get(2) ?? 0);
    case 'json': {
      const content = fields.get(1);
      return content instanceof Uint8Array && content.length > 0 ? jsonOf(content) : null;
    }
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString();
  if (surveyed(text).depth > JSON_DEPTH) throw new MalformedMessage('JSON in it is nested too deeply');
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedMessage('what should be JSON in it is none');
  }
}

const NANOSECONDS = 1_000_000_000;

/** A time, null if it is the zero one; an empty message is Go's zero time. */
function timeOf(bytes: Uint8Array, micro: boolean): string | null {
  if (bytes.length === 0) return null;
  let seconds = 0;
  let nanos = 0;
  eachField(bytes, (reader, number, wire) => {
    if (wire !== WireType.Varint) reader.skip(wire, number);
    else if (number === 1) seconds = Number(reader.int64());
    else if (number === 2) nanos = reader.int32();
    else reader.skip(wire, number);
  });
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  if (!(year >= 0 && year <= 9999) || nanos < 0 || nanos >= NANOSECONDS) {
    throw new MalformedMessage(`no time is ${seconds} seconds and ${nanos} nanoseconds after 1970`);
  }
  const whole = date.toISOString().slice(0, 19);
  return micro ? `${whole}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${whole}Z`;
}

function expect(member: string, found: WireType, wanted: WireType): void {
  if (found !== wanted) throw new MalformedMessage(`wrong wireType = ${found} for field ${member}`);
}
