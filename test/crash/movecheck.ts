/** Holds what the store and the servers say of tags, after a fault, against what clients and watches have seen. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../src/image/digest.ts';
import { listMoves, type TagMove } from '../../src/streams/tagmove.ts';
import { askApi, streamPath } from '../api.ts';
import { json } from '../http.ts';
import { askRegistry, expectStatus } from '../registry.ts';
import type { Machines } from './machines.ts';
import type { MoveWatch } from './movewatch.ts';
import { disorder } from './register.ts';
import { NAMESPACE, type Record, type SeenStream, STREAMS } from './tagclients.ts';
import type { Connection } from './workload.ts';

/** Milliseconds in which a watch must have told what was committed. */
const WATCH_MS = 20_000;

/** What was looked at, summed over all rounds. */
export interface Figures {
  moves: number;
  pulled: number;
}

/** Everything that must hold when all is well again. @throws {AssertionError} */
export class MoveCheck {
  readonly figures: Figures = { moves: 0, pulled: 0 };
  readonly #pulled = new Set<string>();

  async check(
    machines: Machines,
    connection: Connection,
    record: Record,
    watches: readonly MoveWatch[],
  ): Promise<void> {
    let moved = 0;
    for (const stream of STREAMS) {
      const moves = await listMoves(machines.store, NAMESPACE, stream);
      moved += moves.length;
      const seen = await this.#streamOf(connection, stream);
      inSequence(stream, moves);
      const byTag = Map.groupBy(moves, ({ tag }) => tag ?? '');
      for (const { tag, items } of seen?.status.tags ?? []) {
        const images = (byTag.get(tag) ?? []).map(({ to }) => to?.image ?? '');
        const status = items.map(({ image }) => image).reverse();
        assert.deepEqual(status, images, `the status of ${stream}:${tag} does not follow from its moves`);
      }
      assert.equal(seen?.status.tags?.length ?? 0, byTag.size, `${stream} has other tags than were moved`);
      for (const [tag, ofTag] of byTag) await this.#tag(`${stream}:${tag}`, ofTag, record, watches);
    }
    this.figures.moves = moved;
    await this.#pull(connection, record);
  }

  async #streamOf({ api }: Connection, name: string): Promise<SeenStream | undefined> {
    const answer = await askApi(api, streamPath(NAMESPACE, name));
    return answer.status === 404 ? undefined : (json(expectStatus(answer, 200)) as SeenStream);
  }

  async #tag(name: string, moves: readonly TagMove[], record: Record, watches: readonly MoveWatch[]): Promise<void> {
    const images = moves.map(({ to }) => to?.image ?? '');
    const history = record.histories.get(name) ?? [];
    const writes = history.filter(({ kind }) => kind === 'write');
    const written = new Map(writes.map((write) => [write.value, write]));
    assert.equal(new Set(images).size, images.length, `${name} was moved twice by one push`);
    for (const image of images) assert.ok(written.has(image), `nobody has pushed ${image} to ${name}`);
    const order = new Map(images.map((image, index) => [image, index]));
    const lost = writes.filter(({ value, end }) => end !== undefined && !order.has(value));
    assert.deepEqual(lost, [], `acknowledged pushes to ${name} left no move`);
    // A push that was answered before another began comes before it.
    let soonest = Number.POSITIVE_INFINITY;
    for (const image of images.toReversed()) {
      const { begin = 0, end = Number.POSITIVE_INFINITY } = written.get(image) ?? {};
      assert.ok(begin < soonest, `${name} was moved to ${image} after a push that had begun later`);
      soonest = Math.min(soonest, end);
    }
    const wrong = disorder(history);
    assert.equal(wrong, undefined, `what clients saw of ${name} is not linearizable: ${wrong}`);
    for (const [number, watch] of watches.entries()) await told(name, images, watch, number);
  }

  /** Pulls every acknowledged image that was not pulled before. */
  async #pull({ registry }: Connection, record: Record): Promise<void> {
    for (const [digest, stream] of record.acknowledged) {
      if (this.#pulled.has(digest)) continue;
      const image = record.images.get(digest);
      const repository = `${NAMESPACE}/${stream}`;
      const manifest = expectStatus(await askRegistry(registry, `${repository}/manifests/${digest}`), 200);
      assert.ok(image && manifest.body.equals(image.manifest), `${digest} has other bytes`);
      for (const blob of image.blobs) {
        const pulled = expectStatus(await askRegistry(registry, `${repository}/blobs/${digestOf(blob)}`), 200);
        assert.ok(pulled.body.equals(blob), `a blob of ${digest} has other bytes`);
      }
      this.#pulled.add(digest);
      this.figures.pulled += 1;
    }
  }

  /** Pulls everything once more at the next check. */
  pullAgain(): void {
    this.#pulled.clear();
  }
}

function inSequence(stream: string, moves: readonly TagMove[]): void {
  const now = new Map<string, TagMove['to']>();
  for (const [index, { sequence, tag, from, to }] of moves.entries()) {
    assert.equal(sequence, index + 1, `a move of ${stream} is missing`);
    assert.ok(tag !== null && to !== null, `${stream} was not to be deleted`);
    assert.deepEqual(from, now.get(tag) ?? null, `move ${sequence} of ${stream} begins elsewhere`);
    now.set(tag, to);
  }
}

/** A watch was told every move, once and in order; it may take a moment until it is. */
async function told(name: string, images: readonly string[], watch: MoveWatch, number: number): Promise<void> {
  for (const until = performance.now() + WATCH_MS; ; await sleep(10)) {
    const moves = watch.moves.get(name) ?? [];
    // Any fault of the watch is thrown here.
    const { revision } = watch;
    if (moves.length >= images.length || performance.now() > until) {
      assert.deepEqual(
        moves,
        images,
        `watch ${number} (at ${revision}) was told other moves of ${name} than were made`,
      );
      return;
    }
  }
}
