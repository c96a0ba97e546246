/** Holds what a server has after a crash against what its clients were told before. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../src/image/digest.ts';
import type { Store } from '../../src/store/store.ts';
import { listMoves, type TagMove } from '../../src/streams/tagmove.ts';
import { askApi, IMAGE_API, streamPath } from '../api.ts';
import { type Answer, json } from '../http.ts';
import { appendTo, askRegistry, expectStatus, finishUpload, Unexpected } from '../registry.ts';
import { openStoreOf, type TestServer } from '../server.ts';
import type { Facts, Ledger, StreamState, Upload } from './ledger.ts';
import { type Connection, connectTo, NAMESPACE, SHARED } from './workload.ts';

/** Requests that are under way at the same time. */
const AT_ONCE = 8;
/** How often an upload is asked for that another process holds, 100 ms apart. */
const BUSY_TRIES = 50;

/** What was looked at, summed over all rounds. */
export interface Figures {
  /** Acknowledged writes that were looked for. */
  facts: number;
  /** Of those whose answer never came, that turned out to have been made. */
  unanswered: number;
  /** Images that were pulled byte for byte. */
  pulled: number;
  /** Records of moves that were followed. */
  moves: number;
  /** Uploads that went on after the crash. */
  resumed: number;
  /** Uploads whose end was under way, and that were not there any more. */
  gone: number;
}

interface FoundStream {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly status: {
    readonly tags?: readonly { readonly tag: string; readonly items: readonly { readonly image: string }[] }[];
  };
}

/** Looks at the same data after each crash; what was pulled once is only asked for again, until everything is pulled. */
export class Verifier {
  readonly #ledger: Ledger;
  readonly #openStore: ((data: string) => Promise<Store>) | undefined;
  readonly #pulled = new Set<string>();
  readonly figures: Figures = { facts: 0, unanswered: 0, pulled: 0, moves: 0, resumed: 0, gone: 0 };

  /** @param openStore the store that the servers use, if it is not that of their data folder. */
  constructor(ledger: Ledger, openStore?: () => Promise<Store>) {
    this.#ledger = ledger;
    this.#openStore = openStore;
  }

  /** Looks at what was touched since the last look, or at everything. @throws {AssertionError} for what is not right. */
  async verify(server: TestServer, which: 'all' | 'touched'): Promise<void> {
    const connection = connectTo(server);
    try {
      await this.#verify(connection, server.data, which);
    } finally {
      connection.close();
    }
  }

  async #verify(connection: Connection, data: string, which: 'all' | 'touched'): Promise<void> {
    if (which === 'all') this.#pulled.clear();
    const streams = await this.#list(connection);
    const touched = this.#ledger.streams.names(which);
    this.#settleStreams(touched, streams);
    this.#settleShared(streams.get(SHARED));
    await this.#pullAll(connection, streams, [...touched, `${NAMESPACE}/${SHARED}`]);
    await this.#deletedStayDeleted(connection, touched);
    await this.#followMoves(data, streams);
    for (const upload of this.#ledger.uploads) await this.#goOnWhenFree(connection, upload);
    this.#ledger.uploads = [];
  }

  async #list({ api }: Connection): Promise<ReadonlyMap<string, FoundStream>> {
    const answer = expectStatus(await askApi(api, streamPath(NAMESPACE, '')), 200);
    const { metadata, items } = json(answer) as {
      readonly metadata: { readonly resourceVersion: string };
      readonly items: readonly FoundStream[];
    };
    const revision = BigInt(metadata.resourceVersion);
    assert.ok(revision >= this.#ledger.revision, `resourceVersion went back: ${revision} < ${this.#ledger.revision}`);
    this.#ledger.saw(metadata.resourceVersion);
    const streams = new Map(items.map((stream) => [stream.metadata.name, stream]));
    const known = new Set([...this.#ledger.streams.names('all'), `${NAMESPACE}/${SHARED}`]);
    for (const name of streams.keys()) assert.ok(known.has(`${NAMESPACE}/${name}`), `nobody made the stream ${name}`);
    return streams;
  }

  #settleStreams(names: readonly string[], streams: ReadonlyMap<string, FoundStream>): void {
    for (const name of names) {
      const stream = streams.get(name.slice(NAMESPACE.length + 1));
      const found = stream ? { labels: stream.metadata.labels ?? {}, tags: targetsOf(stream) } : null;
      this.#settle(this.#ledger.streams, name, found satisfies StreamState);
      if (found === null) this.#ledger.forget(name);
    }
  }

  #settleShared(stream: FoundStream | undefined): void {
    const targets = stream ? targetsOf(stream) : {};
    const nameOf = (name: string): string => name.slice(name.lastIndexOf(':') + 1);
    for (const name of this.#ledger.tags.names('all')) {
      this.#settle(this.#ledger.tags, name, targets[nameOf(name)] ?? '');
    }
    for (const name of this.#ledger.labels.names('all')) {
      this.#settle(this.#ledger.labels, name, stream?.metadata.labels?.[nameOf(name)] ?? '');
    }
  }

  #settle<T>(facts: Facts<T>, name: string, found: T): void {
    const [acknowledged, pending] = facts.possible(name).map((state) => JSON.stringify(sorted(state)));
    const is = JSON.stringify(sorted(found));
    if (is === pending && is !== acknowledged) this.figures.unanswered += 1;
    else assert.equal(is, acknowledged, `${name} is not as acknowledged${pending ? `, nor as sent: ${pending}` : ''}`);
    this.figures.facts += 1;
    facts.settle(name, found);
  }

  async #pullAll(
    connection: Connection,
    streams: ReadonlyMap<string, FoundStream>,
    names: readonly string[],
  ): Promise<void> {
    const work: (() => Promise<void>)[] = [];
    for (const repository of names) {
      const name = repository.slice(NAMESPACE.length + 1);
      const stream = streams.get(name);
      for (const { tag, items } of stream?.status.tags ?? []) {
        const [newest] = items;
        if (newest) work.push(() => this.#pullTag(connection, repository, tag, newest.image));
        for (const { image } of items) {
          work.push(() => this.#seenByApi(connection, name, image));
          if (this.#ledger.collecting) work.push(() => this.#pullDigest(connection, repository, image));
        }
      }
      for (const digest of this.#ledger.digestsOf(repository)) {
        work.push(() => this.#pullDigest(connection, repository, digest));
      }
    }
    await eachOf(work);
  }

  async #pullTag(connection: Connection, repository: string, tag: string, digest: string): Promise<void> {
    const answer = await askRegistry(connection.registry, `${repository}/manifests/${tag}`);
    this.#isManifest(answer, `${repository}:${tag}`, digest);
    await this.#pullDigest(connection, repository, digest);
  }

  /** Pulls a manifest and, the first time, all its blobs; of an index, all its images. */
  async #pullDigest(connection: Connection, repository: string, digest: string): Promise<void> {
    const answer = await askRegistry(connection.registry, `${repository}/manifests/${digest}`);
    this.#isManifest(answer, `${repository}@${digest}`, digest);
    if (this.#pulled.has(`${repository}@${digest}`)) return;
    this.#pulled.add(`${repository}@${digest}`);
    const { manifests = [] } = json(answer) as { readonly manifests?: readonly { readonly digest: string }[] };
    for (const child of manifests) await this.#pullDigest(connection, repository, child.digest);
    for (const blob of this.#ledger.images.get(digest)?.blobs ?? []) {
      const pulled = await askRegistry(connection.registry, `${repository}/blobs/${digestOf(blob)}`);
      assert.equal(pulled.status, 200, `blob ${digestOf(blob)} of ${repository}@${digest}`);
      assert.ok(pulled.body.equals(blob), `blob ${digestOf(blob)} of ${repository}@${digest} has other bytes`);
    }
    this.figures.pulled += 1;
  }

  #isManifest(answer: Answer, what: string, digest: string): void {
    assert.equal(answer.status, 200, `${what}: ${String(answer.body)}`);
    const image = this.#ledger.images.get(digest);
    assert.ok(image, `nobody made ${what}`);
    assert.ok(answer.body.equals(image.manifest), `${what} has other bytes`);
    assert.equal(answer.headers['content-type'], image.mediaType, what);
  }

  /** What a tag's history names is an Image, and an image of the stream. */
  async #seenByApi({ api }: Connection, name: string, digest: string): Promise<void> {
    expectStatus(await askApi(api, `${IMAGE_API}/images/${digest}`), 200);
    const path = `${IMAGE_API}/namespaces/${NAMESPACE}/imagestreamimages/${name}@${digest}`;
    const { image } = json(expectStatus(await askApi(api, path), 200)) as {
      readonly image: { readonly metadata: { readonly name: string } };
    };
    assert.equal(image.metadata.name, digest);
  }

  async #deletedStayDeleted({ api, registry }: Connection, names: readonly string[]): Promise<void> {
    const gone = names.filter((name) => this.#ledger.streams.get(name) === null);
    await eachOf(
      gone.map((name) => async () => {
        const answer = await askApi(api, streamPath(NAMESPACE, name.slice(NAMESPACE.length + 1)));
        assert.equal(answer.status, 404, `${name} was deleted`);
        assert.equal((await askRegistry(registry, `${name}/manifests/a`)).status, 404, `${name}:a was deleted`);
      }),
    );
  }

  /** Reads the records of moves beside the server, and follows them from nothing to what is there. */
  async #followMoves(data: string, streams: ReadonlyMap<string, FoundStream>): Promise<void> {
    const store = await (this.#openStore ?? openStoreOf)(data);
    try {
      for (const name of [...this.#ledger.streams.names('all'), `${NAMESPACE}/${SHARED}`]) {
        const short = name.slice(NAMESPACE.length + 1);
        const moves = await listMoves(store, NAMESPACE, short);
        const stream = streams.get(short);
        assert.deepEqual(replay(name, moves), stream ? targetsOf(stream) : {}, `the moves of ${name} lead elsewhere`);
        this.figures.moves += moves.length;
      }
    } finally {
      await store.close();
    }
  }

  /** A process that was killed may hold an upload for a moment: its threads end when what they write is written. */
  async #goOnWhenFree(connection: Connection, upload: Upload): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#goOn(connection, upload);
        return;
      } catch (error) {
        const busy = error instanceof Unexpected && error.answer.status === 409;
        if (!busy || tries === BUSY_TRIES) throw error;
        await sleep(100);
      }
    }
  }

  async #goOn({ registry }: Connection, upload: Upload): Promise<void> {
    const { repository, bytes, location } = upload;
    const state = await askRegistry(registry, new URL(location, registry.url).pathname);
    if (state.status === 404) {
      assert.ok(upload.finishing, `an upload of ${upload.acknowledged} bytes is gone`);
      this.figures.gone += 1;
      return;
    }
    expectStatus(state, 204);
    const [, last = ''] = /^0-(\d+)$/.exec(String(state.headers.range)) ?? [];
    // An upload that is empty says 0-0, as one of a single byte does.
    const held = last === '0' && upload.sent !== 1 ? 0 : Number(last) + 1;
    const { acknowledged, sent } = upload;
    assert.ok(held >= acknowledged && held <= sent, `an upload of ${acknowledged} to ${sent} bytes holds ${held}`);
    const at = String(state.headers.location);
    const next = held < bytes.length ? await appendTo(registry, at, held, bytes.subarray(held)) : at;
    await finishUpload(registry, next, digestOf(bytes));
    const pulled = await askRegistry(registry, `${repository}/blobs/${digestOf(bytes)}`);
    assert.ok(pulled.body.equals(bytes), 'an upload that went on has other bytes');
    this.figures.resumed += 1;
  }
}

/** Where the tags of a stream point. */
function targetsOf(stream: FoundStream): Record<string, string> {
  const targets = (stream.status.tags ?? []).flatMap(({ tag, items: [newest] }) =>
    newest ? [[tag, newest.image] as const] : [],
  );
  return Object.fromEntries(targets);
}

/** Where tags point after moves; each move must begin where the one before it ended. */
function replay(name: string, moves: readonly TagMove[]): Record<string, string> {
  const now = new Map<string, NonNullable<TagMove['to']>>();
  for (const [index, move] of moves.entries()) {
    assert.equal(move.sequence, index + 1, `a move of ${name} is missing`);
    if (move.tag === null) {
      now.clear();
      continue;
    }
    assert.deepEqual(move.from, now.get(move.tag) ?? null, `move ${move.sequence} of ${name} begins elsewhere`);
    if (move.to) now.set(move.tag, move.to);
    else now.delete(move.tag);
  }
  return Object.fromEntries([...now].map(([tag, { image }]) => [tag, image]));
}

/** The same value with its members in order, so that equal values have equal texts. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}

async function eachOf(work: readonly (() => Promise<void>)[]): Promise<void> {
  const rest = [...work];
  const workers = Array.from({ length: AT_ONCE }, async () => {
    for (let next = rest.pop(); next; next = rest.pop()) await next();
  });
  await Promise.all(workers);
}
