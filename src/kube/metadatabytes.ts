/** Metadata out of the bytes of an object, so that nothing else of it need be parsed. */
import type { ObjectMeta } from '../objects/object.ts';

const OPENING = Buffer.from('{"metadata":');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * The bytes of the metadata of an object that begins with it, as stored values and the items of lists do; a view, not
 * a copy.
 */
export function metadataBytes(object: Buffer): Buffer {
  let depth = 0;
  for (let at = OPENING.length; at < object.length; at++) {
    const byte = object[at];
    if (byte === QUOTE) at = endOfText(object, at);
    else if (byte === OPEN) depth++;
    else if (byte === CLOSE && --depth === 0) return object.subarray(OPENING.length, at + 1);
  }
  throw new Error('an object in the store does not begin with its metadata');
}

/** Where the text that begins at this quote ends. */
function endOfText(bytes: Buffer, start: number): number {
  for (;;) {
    const end = bytes.indexOf(QUOTE, start + 1);
    if (end < 0) return bytes.length;
    let escapes = 0;
    while (bytes[end - 1 - escapes] === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end;
    start = end;
  }
}

/** The labels of an object that begins with its metadata. */
export function labelsOf(object: Buffer): Readonly<Record<string, string>> | undefined {
  // Written by this server; it begins with metadata and has been validated.
  const metadata = JSON.parse(metadataBytes(object).toString()) as ObjectMeta;
  return metadata.labels;
}
