/** Protobuf as etcd's messages use it: fields are skipped when unknown, numbers are small enough for a double. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Calls `take` for each field of a message; where it returns false, the field is skipped. */
export function eachField(message: Uint8Array, take: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (!take(field, reader)) reader.skip(wire, field);
  }
}

/** An int64 as a number: revisions, counts and sizes stay far below 2^53. */
export function numberOf(reader: BinaryReader): number {
  return Number(reader.int64());
}

/** Bytes as a Buffer on the same memory. */
export function bufferOf(reader: BinaryReader): Buffer {
  const bytes = reader.bytes();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes one message, leaving out what has its default value, as proto3 does. */
export class Message {
  readonly #writer: BinaryWriter;

  constructor(writer: BinaryWriter = new BinaryWriter()) {
    this.#writer = writer;
  }

  int(field: number, value: number | bigint | undefined): this {
    if (value) this.#writer.tag(field, WireType.Varint).int64(value);
    return this;
  }

  /** Also where it is 0: members of a oneof are written whatever they hold. */
  member(field: number, value: number): this {
    this.#writer.tag(field, WireType.Varint).int64(value);
    return this;
  }

  flag(field: number, value: boolean | undefined): this {
    if (value) this.#writer.tag(field, WireType.Varint).bool(value);
    return this;
  }

  bytes(field: number, value: Uint8Array | undefined): this {
    if (value && value.length > 0) this.#writer.tag(field, WireType.LengthDelimited).bytes(value);
    return this;
  }

  text(field: number, value: string | undefined): this {
    if (value) this.#writer.tag(field, WireType.LengthDelimited).string(value);
    return this;
  }

  message(field: number, write: (message: Message) => unknown): this {
    this.#writer.tag(field, WireType.LengthDelimited).fork();
    write(this);
    this.#writer.join();
    return this;
  }

  finish(): Buffer {
    const bytes = this.#writer.finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
