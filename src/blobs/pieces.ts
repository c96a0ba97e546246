/** Content as a stream in pieces of about 1 MiB: one is read ahead while the one before is sent. */
import { Readable } from 'node:stream';
import { BLOB_PIECE_BYTES } from '../limits.ts';

/**
 * Streams `length` bytes. `read` gives bytes `start` to before `end`, all of them; an error of it breaks the stream
 * off. `close` is called once, when no read is under way any more.
 */
export function inPieces(
  length: number,
  read: (start: number, end: number) => Promise<Uint8Array>,
  close: () => void = () => undefined,
): Readable {
  let position = 0;
  let reading: Promise<void> = Promise.resolve();
  const step = async (stream: Readable): Promise<void> => {
    try {
      const piece = await read(position, Math.min(position + BLOB_PIECE_BYTES, length));
      position += piece.length;
      stream.push(piece);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error('the blob could not be read', { cause: error }));
    }
  };
  return new Readable({
    highWaterMark: BLOB_PIECE_BYTES,
    read() {
      if (position < length) reading = step(this);
      else this.push(null);
    },
    destroy(error, done) {
      // A file that is closed under a read may be another one by the time the read starts. (Not awaited within the
      // read itself: `step` destroys the stream and only then ends.)
      void reading.then(() => {
        close();
        done(error);
      });
    },
  });
}
