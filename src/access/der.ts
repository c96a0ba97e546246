/** DER (X.690), the encoding of certificates: as much of it as issuing one takes. */

/** One value: its tag, the length of its content, its content. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body]);
}

export function sequence(...content: readonly Buffer[]): Buffer {
  return der(0x30, ...content);
}

export function set(...content: readonly Buffer[]): Buffer {
  return der(0x31, ...content);
}

/** A non-negative number, given as its bytes, highest first. */
export function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const shortest = bytes.subarray(start);
  // A leading one bit would make it negative.
  return (shortest[0] ?? 0) < 0x80 ? der(0x02, shortest) : der(0x02, Buffer.of(0), shortest);
}

export function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.of(value ? 0xff : 0));
}

/** An object identifier, written with dots. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return der(0x06, Buffer.concat([first * 40 + second, ...rest].map(base128)));
}

export function utf8String(text: string): Buffer {
  return der(0x0c, Buffer.from(text));
}

export function octetString(...content: readonly Buffer[]): Buffer {
  return der(0x04, ...content);
}

/** Whole bytes of bits; `unused` is how many of the last byte's are none. */
export function bitString(bytes: Buffer, unused = 0): Buffer {
  return der(0x03, Buffer.of(unused), bytes);
}

/** A time to the second: UTCTime up to 2049, GeneralizedTime from then on, as RFC 5280 demands. */
export function time(date: Date): Buffer {
  const text = `${date.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`;
  return date.getUTCFullYear() < 2050 ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}

/** `[number]` around a whole value. */
export function explicit(number: number, ...content: readonly Buffer[]): Buffer {
  return der(0xa0 | number, ...content);
}

/** `[number]` instead of a primitive value's own tag. */
export function implicit(number: number, content: Buffer): Buffer {
  return der(0x80 | number, content);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.of(0x80 | bytes.length, ...bytes);
}

function base128(number: number): Buffer {
  const bytes = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128));
  return Buffer.from(bytes);
}
