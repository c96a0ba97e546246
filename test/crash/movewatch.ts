/** Watches the streams at one replica through all its breaks, and notes each move of a tag as it is told. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { askApi, streamPath } from '../api.ts';
import { answerTo, json } from '../http.ts';
import { expectStatus } from '../registry.ts';
import { NAMESPACE, type SeenStream, targetsOf } from './tagclients.ts';
import type { Connection } from './workload.ts';

/** Milliseconds before a watch is opened again. */
const PAUSE_MS = 100;

export class MoveWatch {
  /** The images that each `stream:tag` was told to point to, in order. */
  readonly moves = new Map<string, string[]>();
  readonly #api: () => Connection['api'];
  readonly #last = new Map<string, string>();
  #revision = 0n;
  #watch: IncomingMessage | undefined;
  #closed = false;
  #fault: unknown;
  readonly #running: Promise<void>;
  /** How often the watch went on where another had stopped. */
  resumptions = 0;

  /** @param api the replica that is asked now. */
  constructor(api: () => Connection['api']) {
    this.#api = api;
    this.#running = this.#run();
  }

  /** The last revision that it was told. @throws what was wrong with an event. */
  get revision(): bigint {
    if (this.#fault) throw this.#fault;
    return this.#revision;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.destroy();
    await this.#running;
    if (this.#fault) throw this.#fault;
  }

  /** Ends it, whatever it has seen. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#watch?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed && !this.#fault) {
      try {
        await this.#once();
      } catch {
        // The replica is away: the next try goes on where this one stopped.
      }
      if (!this.#closed) await sleep(PAUSE_MS);
    }
  }

  async #once(): Promise<void> {
    const api = this.#api();
    if (this.#revision === 0n) {
      const list = json(expectStatus(await askApi(api, streamPath(NAMESPACE, '')), 200)) as {
        readonly metadata: { readonly resourceVersion: string };
        readonly items: readonly SeenStream[];
      };
      for (const stream of list.items) this.#see(stream);
      this.#revision = BigInt(list.metadata.resourceVersion);
    } else this.resumptions += 1;
    const path = `${streamPath(NAMESPACE, '')}?watch=1&resourceVersion=${this.#revision}`;
    const headers = { Authorization: `Bearer ${api.token}`, Accept: 'application/json' };
    const watch = await answerTo(api.url + path, { headers, ca: api.ca });
    this.#watch = watch;
    if (this.#closed) watch.destroy();
    if (watch.statusCode !== 200) return void watch.destroy();
    let rest = '';
    for await (const chunk of watch.setEncoding('utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      try {
        for (const line of lines) this.#event(line);
      } catch (error) {
        this.#fault ??= error;
        throw error;
      }
    }
  }

  #event(line: string): void {
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: SeenStream };
    assert.ok(type === 'ADDED' || type === 'MODIFIED', `a watch was told ${line.slice(0, 500)}`);
    const revision = BigInt(object.metadata.resourceVersion);
    assert.ok(revision > this.#revision, `${object.metadata.name} was told at ${revision} after ${this.#revision}`);
    this.#revision = revision;
    this.#see(object);
  }

  #see(stream: SeenStream): void {
    for (const [tag, image] of targetsOf(stream)) {
      const name = `${stream.metadata.name}:${tag}`;
      if (this.#last.get(name) === image) continue;
      this.#last.set(name, image);
      const moves = this.moves.get(name) ?? [];
      this.moves.set(name, moves);
      moves.push(image);
    }
  }
}
