/** Watches: a list of what is there, then every change, in order, until the time is over or somebody leaves. */
import { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { WATCH_BOOKMARK_SECONDS, WATCH_BUFFER_BYTES, WATCH_SECONDS } from '../limits.ts';
import { DomainError } from '../objects/errors.ts';
import type { Resource } from '../objects/resource.ts';
import { keptOf, keyOf } from '../objects/values.ts';
import {
  type Batch,
  Compacted,
  type Freshness,
  type Revision,
  RevisionAhead,
  type StoreEvent,
  type Watch,
} from '../store/store.ts';
import { contextOf, type Exchange, headOf } from './exchange.ts';
import { ClientGone, roomIn } from './listwriter.ts';
import { notAcceptable } from './negotiate.ts';
import { type ListOptions, listOptions, revisionOf } from './options.ts';
import { notThis, renderingOf } from './representation.ts';
import { scan } from './scan.ts';
import { selectionOf } from './selectors.ts';
import { Shown } from './shown.ts';
import { statusOf } from './status.ts';
import { bookmarkLine, concerns, errorLine, eventOf, lineOf, objectLine, type View } from './watchevents.ts';
import { EventFrames, handshake } from './websocket.ts';

/** Node's timers take no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const open = new Set<WatchSession>();

/** Ends all watches of this process as if their time were over, so that it can stop. */
export function endWatches(): void {
  for (const session of [...open]) session.finish();
}

/**
 * Answers a watch; resolves when it has begun. `onlyName` is the one object that an old watch path names, or ''.
 * @throws {DomainError} for options and selectors that cannot be; what fails later is told as an ERROR event.
 */
export async function watchObjects(
  exchange: Exchange,
  resource: Resource,
  namespace: string,
  onlyName: string,
): Promise<void> {
  const options = listOptions(exchange.query, true);
  const how = renderingOf(exchange, { list: true });
  if (how.encoding === 'yaml') throw notAcceptable('parameters');
  if (how.form === 'partialList') throw notThis('you requested PartialObjectMetadataList, but events hold one object');
  const fieldSelector = onlyName ? `metadata.name=${onlyName.replace(/[\\,=]/g, '\\$&')}` : options.fieldSelector;
  const { watched } = resource;
  const of = watched?.as ?? resource;
  const selection = selectionOf(of, { ...options, fieldSelector });
  const revision = revisionOf(options.resourceVersion);
  const view: View = { services: exchange.services, resource: of, selection, how };
  const ctx = contextOf(exchange);
  const sight = watched && {
    shown: new Shown(view, (name) => watched.sees(ctx, name)),
    rights: watched.rights,
    saw: (event: StoreEvent) => watched.saw?.(ctx, event),
  };
  const output = outputOf(exchange, how.contentType);
  const session = new WatchSession(output, view, namespace, options.allowWatchBookmarks, sight);
  await session.run(options, revision);
}

/** What a watcher sees of what is watched, and where the keys are that decide it. */
interface Sight {
  readonly shown: Shown;
  readonly rights: string;
  /** Whom a change of rights may have taken out of sight. */
  readonly saw: (event: StoreEvent) => string | undefined;
}

/** Where the events go: the body of the answer or, if the client asked for that, a WebSocket. */
function outputOf(exchange: Exchange, contentType: string): Writable {
  const { req, res, upgrade } = exchange;
  const socket = upgrade && res instanceof ServerResponse && res.socket;
  if (!socket) {
    res.writeHead(200, headOf(exchange, contentType));
    res.flushHeaders();
    return res;
  }
  res.writeHead(101, [...headOf(exchange, undefined), ...handshake(req)]);
  res.flushHeaders();
  res.detachSocket(socket);
  socket.once('close', () => res.emit('close'));
  return new EventFrames(socket, upgrade);
}

/** One watch, from its first event to its last. */
class WatchSession {
  readonly #res: Writable;
  readonly #view: View;
  readonly #namespace: string;
  readonly #bookmarks: boolean;
  readonly #sight: Sight | undefined;
  #watch: Watch | undefined;
  #rights: Watch | undefined;
  #looking = false;
  #ended = false;
  /** Whether the next Table describes its columns. */
  #first = true;
  /** Composed objects are read before they are told, one change after the other. */
  #telling: Promise<void> = Promise.resolve();
  #untold = 0;
  #timers: NodeJS.Timeout[] = [];

  constructor(res: Writable, view: View, namespace: string, bookmarks: boolean, sight: Sight | undefined) {
    this.#res = res;
    this.#view = view;
    this.#namespace = namespace;
    this.#bookmarks = bookmarks;
    this.#sight = sight;
    open.add(this);
    res.once('close', () => this.#stop());
  }

  /** Sends what is there if that is asked for, then begins to follow the store. */
  async run(options: ListOptions, asked: Revision | undefined): Promise<void> {
    const seconds = options.timeoutSeconds || WATCH_SECONDS * (1 + Math.random());
    this.#timers.push(setTimeout(() => this.#timeOver(), Math.min(seconds * 1000, LONGEST_TIMER_MS)));
    if (this.#res.destroyed) this.#stop();
    try {
      const initial = options.sendInitialEvents ?? !asked;
      if (this.#ended) return;
      if (!initial) await this.#sight?.shown.begin();
      const after = initial ? await this.#sendInitial(asked) : asked || (await this.#view.services.store.revision());
      if (!this.#ended) this.#follow(after);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the watch, with a last bookmark that spares the client what it has seen. */
  #timeOver(): void {
    this.#bookmark();
    this.#telling = this.#telling.then(() => this.finish());
  }

  finish(): void {
    if (!this.#ended) this.#res.end();
    this.#stop();
  }

  #stop(): void {
    this.#ended = true;
    open.delete(this);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    this.#watch?.close();
    this.#rights?.close();
  }

  #fail(error: unknown): void {
    if (this.#ended || error instanceof ClientGone) return;
    this.#write(errorLine(statusOf(error).status));
    this.finish();
  }

  async #sendInitial(asked: Revision | undefined): Promise<Revision> {
    const { services, resource, selection } = this.#view;
    const fresh: Freshness = asked ? { notOlderThan: asked } : asked === 0 ? 'any' : 'latest';
    let revision = 0;
    try {
      for await (const page of scan(services, resource, this.#namespace, selection, { fresh, limit: 0 })) {
        revision = page.revision;
        if (this.#ended) throw new ClientGone();
        const objects = this.#sight ? await this.#sight.shown.seen(page.selected) : page.selected;
        const lines = objects.map((kept) => {
          const event = { type: 'ADDED', kept, revision: kept.head.revision } as const;
          return objectLine(this.#view, event, this.#takeFirst());
        });
        if (lines.length > 0 && !this.#res.write(Buffer.concat(lines))) await roomIn(this.#res);
      }
    } catch (error) {
      if (!(error instanceof RevisionAhead) || !asked) throw error;
      throw new DomainError({ reason: 'ResourceVersionTooLarge', asked, current: error.current });
    }
    if (this.#bookmarks && !this.#ended) this.#write(bookmarkLine(this.#view, revision, true, this.#takeFirst()));
    return revision;
  }

  #follow(after: Revision): void {
    const { services, resource, selection } = this.#view;
    const { prefix } = keptOf(resource);
    const scope = resource.namespaced && this.#namespace ? `${prefix}${this.#namespace}/` : prefix;
    const single = selection.name !== undefined && (this.#namespace !== '' || !resource.namespaced);
    // What is lost from sight between a list and its watch is known before the object's own end is told.
    if (this.#sight) this.#rights = this.#followRights(this.#sight, after);
    const key = single ? keyOf(resource, this.#namespace, selection.name ?? '') : scope;
    this.#watch = services.store.watch(key, after, {
      batch: (batch) => this.#take(batch),
      ended: (error) => {
        if (this.#ended) return;
        this.#telling = this.#telling.then(() => {
          if (error instanceof Compacted) this.#fail(tooOld(after, error));
          else if (error) this.#fail(error);
          else this.finish();
        });
      },
    });
    if (!this.#bookmarks) return;
    this.#timers.push(setInterval(() => this.#bookmark(), WATCH_BOOKMARK_SECONDS * 1000));
  }

  /** Looks again at what is shown whenever rights have been changed; many changes at once are one. */
  #followRights({ shown, rights, saw }: Sight, after: Revision): Watch {
    const look = async (): Promise<void> => {
      this.#looking = false;
      for (const event of await shown.changed()) {
        if (!this.#ended) this.#write(objectLine(this.#view, event, this.#takeFirst()));
      }
    };
    return this.#view.services.store.watch(rights, after, {
      batch: ({ events }) => {
        for (const event of events) {
          const name = saw(event);
          if (name !== undefined) shown.saw(name);
        }
        if (this.#looking || this.#ended) return;
        this.#looking = true;
        this.#telling = this.#telling.then(look).catch((error: unknown) => this.#fail(error));
      },
      ended: (error) => error && this.#fail(error),
    });
  }

  /** Never throws: the store calls it. */
  #take(batch: Batch): void {
    if (this.#ended) return;
    if (this.#sight || keptOf(this.#view.resource).composition) {
      this.#takeComposed(batch);
      return;
    }
    try {
      const lines: Buffer[] = [];
      for (const event of batch.events) {
        if (!concerns(this.#view, event)) continue;
        const told = eventOf(this.#view, event);
        if (told && !(told instanceof Promise)) lines.push(this.#line(event, told));
      }
      this.#writeAll(lines);
    } catch (error) {
      this.#fail(error);
    }
  }

  #takeComposed(batch: Batch): void {
    const events = batch.events.filter((event) => concerns(this.#view, event));
    if (events.length === 0) return;
    const bytes = events.reduce((sum, { value, previous }) => sum + ((value ?? previous?.value)?.length ?? 0), 0);
    this.#untold += bytes;
    if (this.#untold > WATCH_BUFFER_BYTES) {
      this.#res.destroy();
      return;
    }
    this.#telling = this.#telling
      .then(async () => {
        for (const event of events) {
          if (this.#ended) return;
          const change = await eventOf(this.#view, event);
          const told = this.#sight ? await this.#sight.shown.told(event, change) : change;
          if (told && !this.#ended) this.#write(this.#line(event, told));
        }
        this.#untold -= bytes;
      })
      .catch((error: unknown) => this.#fail(error));
  }

  #line(event: Batch['events'][number], told: Parameters<typeof lineOf>[2]): Buffer {
    return this.#takeFirst() && this.#view.how.form === 'table'
      ? objectLine(this.#view, told, true)
      : lineOf(this.#view, event, told);
  }

  #takeFirst(): boolean {
    const first = this.#first;
    this.#first = false;
    return first;
  }

  /** After the changes that came before it, which are all that it speaks of. */
  #bookmark(): void {
    const revision = this.#watch?.delivered;
    if (!this.#bookmarks || revision === undefined) return;
    this.#telling = this.#telling.then(() => {
      if (!this.#ended) this.#write(bookmarkLine(this.#view, revision, false, this.#takeFirst()));
    });
  }

  #writeAll(lines: readonly Buffer[]): void {
    const [only] = lines;
    if (only) this.#write(lines.length === 1 ? only : Buffer.concat(lines));
  }

  /** A client that does not keep up is cut off, and can begin again where it was. */
  #write(bytes: Buffer): void {
    if (this.#ended) return;
    this.#res.write(bytes);
    if (this.#res.writableLength > WATCH_BUFFER_BYTES) this.#res.destroy();
  }
}

function tooOld(asked: Revision, { oldest }: Compacted): DomainError {
  return new DomainError({ reason: 'Expired', message: `too old resource version: ${asked} (${oldest})` });
}
