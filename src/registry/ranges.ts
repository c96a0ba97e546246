/** The Range header of a GET, by RFC 9110 §14. */
import type { ByteRange } from '../blobs/blobs.ts';
import { BLOB_PIECE_BYTES, BLOB_RANGES } from '../limits.ts';

/** What of a blob is to be sent. */
export type Selection =
  | { readonly kind: 'whole' }
  /** One range was asked for. */
  | { readonly kind: 'one'; readonly range: ByteRange }
  /** Several were asked for: these can be had, in the order in which they were asked for. */
  | { readonly kind: 'several'; readonly ranges: readonly ByteRange[] }
  /** None can be had (416). */
  | { readonly kind: 'unsatisfiable' }
  /** More than BLOB_RANGES. */
  | { readonly kind: 'too many' };

const WHOLE: Selection = { kind: 'whole' };
const UNSATISFIABLE: Selection = { kind: 'unsatisfiable' };
const UNIT = /^\s*bytes\s*=/i;
const SPEC = /^\s*(\d*)\s*-\s*(\d*)\s*$/;

/**
 * What a Range header selects of `size` bytes. A unit other than bytes is ignored; ranges that are malformed are
 * answered like such that lie behind the end, as Go's and distribution's servers do. Ranges are never merged or sorted
 * (containers/storage counts on one part for each); if together they are longer than the blob, it is sent whole.
 */
export function selectRanges(header: string | undefined, size: number): Selection {
  if (header === undefined || header === '') return WHOLE;
  const unit = UNIT.exec(header);
  if (!unit) return /^\s*[!#$%&'*+.^_`|~\w-]+\s*=/.test(header) ? WHOLE : UNSATISFIABLE;
  const specs = header
    .slice(unit[0].length)
    .split(',')
    .filter((spec) => spec.trim() !== '');
  if (specs.length > BLOB_RANGES) return { kind: 'too many' };
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    const range = parseRange(spec, size);
    if (range === 'malformed') return UNSATISFIABLE;
    if (range) ranges.push(range);
  }
  const [first] = ranges;
  if (!first) return UNSATISFIABLE;
  if (specs.length === 1) return { kind: 'one', range: first };
  const total = ranges.reduce((sum, range) => sum + range.end - range.start + 1, 0);
  return total > Math.max(size, BLOB_PIECE_BYTES) ? WHOLE : { kind: 'several', ranges };
}

/** One range, clamped to the size; undefined if nothing of it can be had. */
function parseRange(spec: string, size: number): ByteRange | 'malformed' | undefined {
  const match = SPEC.exec(spec);
  if (!match) return 'malformed';
  const [, from = '', to = ''] = match;
  if (from === '') {
    if (to === '') return 'malformed';
    const length = Math.min(Number(to), size);
    return length === 0 ? undefined : { start: size - length, end: size - 1 };
  }
  const start = Number(from);
  const end = to === '' ? size - 1 : Number(to);
  if (to !== '' && end < start) return 'malformed';
  return start >= size ? undefined : { start, end: Math.min(end, size - 1) };
}

/** The Content-Range header of a part. */
export function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`;
}

/** The range of a chunk that is uploaded. */
export interface ChunkRange {
  readonly start: number;
  readonly end: number;
}

const CHUNK = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/;

/**
 * The Content-Range of a chunk: `<first>-<last>`, both inclusive (the OCI specification leaves out the unit that RFC 9110
 * has; both are taken). undefined if it is malformed.
 */
export function parseChunkRange(header: string): ChunkRange | undefined {
  const match = CHUNK.exec(header.trim());
  if (!match) return undefined;
  const start = Number(match[1]);
  const end = Number(match[2]);
  return end < start ? undefined : { start, end };
}
