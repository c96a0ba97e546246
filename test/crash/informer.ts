/**
 * A cache of streams as client-go's informers keep one: listed once, then only watched. After each crash it goes on
 * from the last event that it was told, so an event that is lost or told twice shows.
 */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { askApi, streamPath } from '../api.ts';
import { answerTo, json } from '../http.ts';
import { expectStatus } from '../registry.ts';
import { type Connection, NAMESPACE } from './workload.ts';

interface Listed {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

/** Milliseconds between looks whether the cache has caught up, and how often it is looked. */
const LOOK_MS = 20;
const LOOKS = 500;

export class Informer {
  readonly #versions = new Map<string, string>();
  #revision: bigint | undefined;
  #watch: IncomingMessage | undefined;
  #fault: unknown;
  /** Events that it was told. */
  events = 0;

  /** Watches from where it stopped, and resolves when it knows what a list says. It goes on until the server is gone. */
  async goOn({ api }: Connection): Promise<void> {
    const listed = json(expectStatus(await askApi(api, streamPath(NAMESPACE, '')), 200)) as {
      readonly metadata: { readonly resourceVersion: string };
      readonly items: readonly Listed[];
    };
    const wanted = new Map(listed.items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
    if (this.#revision === undefined) {
      this.#revision = BigInt(listed.metadata.resourceVersion);
      for (const [name, version] of wanted) this.#versions.set(name, version);
    }
    const path = `${streamPath(NAMESPACE, '')}?watch=1&resourceVersion=${this.#revision}`;
    this.#watch = await answerTo(api.url + path, {
      headers: { Authorization: `Bearer ${api.token}`, Accept: 'application/json' },
      ca: api.ca,
    });
    assert.equal(this.#watch.statusCode, 200);
    this.#read(this.#watch);
    for (let looks = 0; !sameEntries(this.#versions, wanted); looks += 1) {
      if (this.#fault) throw this.#fault;
      assert.ok(looks < LOOKS, `the watch did not tell of ${describe(wanted)}; it knows ${describe(this.#versions)}`);
      await sleep(LOOK_MS);
    }
  }

  /** Stops watching. @throws what was wrong with an event. */
  stop(): void {
    this.#watch?.destroy();
    if (this.#fault) throw this.#fault;
  }

  #read(watch: IncomingMessage): void {
    // What is left at the end was cut off by the kill; only whole lines count.
    let rest = '';
    watch.setEncoding('utf8');
    watch.on('error', () => undefined);
    watch.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      try {
        for (const line of lines) this.#event(line);
      } catch (error) {
        this.#fault ??= error;
      }
    });
  }

  #event(line: string): void {
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: Listed };
    const { name, resourceVersion } = object.metadata;
    const known = this.#versions.has(name);
    assert.equal(type, known ? (type === 'DELETED' ? 'DELETED' : 'MODIFIED') : 'ADDED', `${name} was told wrongly`);
    const revision = BigInt(resourceVersion);
    assert.ok(revision > (this.#revision ?? 0n), `an event of ${name} came twice, or late`);
    this.#revision = revision;
    if (type === 'DELETED') this.#versions.delete(name);
    else this.#versions.set(name, resourceVersion);
    this.events += 1;
  }
}

function sameEntries(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, version]) => other.get(name) === version);
}

function describe(versions: ReadonlyMap<string, string>): string {
  return JSON.stringify(Object.fromEntries(versions));
}
