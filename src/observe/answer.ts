/** The end of an answer, for both edges. */
import type { HttpResponse } from '../http/message.ts';

/** Bytes of a body that is sent as text: what libuv puts on its stack, less the headers. */
const ONE_WRITE_BYTES = 15 * 1024;

/**
 * Ends an answer with bytes; its Content-Length must have been given. Few are handed over as Latin-1, one character a
 * byte: Node then sends headers and body in one plain write rather than gathering two buffers, which more than halves
 * the cost of a small answer (docs/performance.md).
 */
export function endWith(res: HttpResponse, bytes: Buffer): void {
  if (bytes.length <= ONE_WRITE_BYTES) res.end(bytes.toString('latin1'), 'latin1');
  else res.end(bytes);
}
