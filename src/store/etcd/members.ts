/**
 * The members of an etcd cluster as one: calls go to the member that answers, and on to another when it does not. A call
 * that may have changed something is not made twice.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import { ETCD_CALL_MS, ETCD_CONNECT_MS, ETCD_TRY_MS } from '../../limits.ts';
import { type StoreFigures, UNHEARD } from '../figures.ts';
import { StoreUnavailable } from '../store.ts';
import { EtcdAway, isAuthOff, judge, storeFailure } from './failure.ts';
import { AUTHENTICATE } from './leasemessages.ts';
import { describeLocation, type EtcdLocation, type EtcdUser } from './location.ts';
import { Member } from './member.ts';
import type { Method } from './messages.ts';

export interface CallOptions {
  /** Whether the call may be made again although it may have been carried out. */
  readonly repeatable: boolean;
  /** Milliseconds for all tries together; default ETCD_CALL_MS. */
  readonly withinMs?: number;
}

/** Milliseconds between two tries, at least; up to twice as many. */
const PAUSE_MS = 40;

/** A member that is cut off from its leader says so at once instead of waiting for it. */
const LEADER_WANTED = new Metadata();
LEADER_WANTED.set('hasleader', 'true');

/** All calls of a store go through it. */
export class Members {
  /** The location in words, for messages. */
  readonly where: string;
  readonly #members: readonly Member[];
  readonly #figures: StoreFigures;
  readonly #user: EtcdUser | undefined;
  #current: Member;
  #connecting: Promise<Member> | undefined;
  /** Undefined until it is asked for; '' where etcd knows no users. */
  #token: string | undefined;
  #authenticating: Promise<string> | undefined;
  /** Whether no call has succeeded since one was tried for as long as it may be. */
  #isAway = false;
  #closed = false;

  constructor(location: EtcdLocation, figures: StoreFigures = UNHEARD) {
    this.#figures = figures;
    this.where = describeLocation(location);
    this.#user = location.user;
    this.#members = location.endpoints.map((endpoint) => new Member(endpoint, location.tls));
    const [first] = this.#members;
    if (!first) throw new StoreUnavailable('an etcd store needs an endpoint');
    this.#current = first;
  }

  /**
   * Makes a call; resolves to its answer.
   * @throws {EtcdAway} if no member answers in time; otherwise gRPC's own error, which is the answer.
   */
  async call<Q, R>(method: Method<Q, R>, request: Q, options: CallOptions): Promise<R> {
    return this.send(method, method.encode(request), options);
  }

  /** As `call`, with the request as bytes. */
  async send<Q, R>(method: Method<Q, R>, request: Buffer, options: CallOptions): Promise<R> {
    const { repeatable, withinMs = ETCD_CALL_MS } = options;
    const until = performance.now() + (this.#isAway ? Math.min(withinMs, ETCD_TRY_MS) : withinMs);
    for (let failed: unknown, tokens = 0; ; ) {
      const left = until - performance.now();
      if (left <= 0 || this.#closed) throw this.#away(failed);
      try {
        const member = this.#current.ready ? this.#current : await this.#connected(left);
        return await this.#try(member, method, request, repeatable ? Math.min(left, ETCD_TRY_MS) : left);
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error instanceof EtcdAway ? this.#away(error) : error;
        const { again, undone, token } = judge(error);
        if (token && this.#user && ++tokens > 2) throw error;
        if (token && !this.#user) throw error;
        if (!again) throw error;
        failed = error;
        if (!undone && !repeatable) throw this.#away(error);
      }
      await sleep(PAUSE_MS * (1 + Math.random()));
    }
  }

  /**
   * Opens a stream on the member that answers.
   * @throws {EtcdAway} if there is none.
   */
  async stream<R>(path: string, decode: (bytes: Buffer) => R): Promise<ClientDuplexStream<Buffer, R>> {
    const member = this.#current.ready ? this.#current : await this.#connected(ETCD_CALL_MS);
    return member.stream(path, decode, await this.#metadata(member));
  }

  /** One question and one answer on a stream of their own, as etcd renews leases. Rejects as `call`. */
  async exchange<Q, R>(method: Method<Q, R>, request: Q): Promise<R> {
    const stream = await this.stream(method.path, method.decode);
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const timer = setTimeout(() => reject(this.#away(undefined)), ETCD_TRY_MS);
    stream.on('data', resolve);
    stream.on('error', reject);
    stream.on('end', () => reject(storeFailure('the stream was ended', this.where)));
    stream.write(method.encode(request));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      stream.cancel();
    }
  }

  /** Calls from now on go to another member, if there is one. */
  leave(): void {
    this.#leave(this.#current, false);
  }

  /** What a failed call says about the token that it carried: the next one asks for a new one. */
  forgetToken(): void {
    this.#token = undefined;
  }

  close(): void {
    this.#closed = true;
    for (const member of this.#members) member.drop();
  }

  async #try<Q, R>(member: Member, method: Method<Q, R>, request: Buffer, withinMs: number): Promise<R> {
    this.#figures.called(method.path.slice(method.path.lastIndexOf('/') + 1));
    try {
      const answer = await member.call(method, request, await this.#metadata(member), withinMs);
      this.#isAway = false;
      return answer;
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error;
      const { again, token, connection } = judge(error);
      if (token) this.#token = undefined;
      else if (again) this.#leave(member, connection);
      else this.#isAway = false;
      throw error;
    }
  }

  #leave(member: Member, connection: boolean): void {
    member.failedAt = performance.now();
    if (connection) member.drop();
    if (member === this.#current) this.#current = this.#byTrust()[0] ?? member;
  }

  #byTrust(): readonly Member[] {
    return this.#members.toSorted((a, b) => a.failedAt - b.failedAt);
  }

  #connected(withinMs: number): Promise<Member> {
    this.#connecting ??= this.#connect(withinMs).finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Goes round the members until one is connected. */
  async #connect(withinMs: number): Promise<Member> {
    const until = performance.now() + withinMs;
    for (;;) {
      let failed = 'no connection in time';
      for (const member of this.#byTrust()) {
        try {
          await member.connect(Math.max(1, Math.min(ETCD_CONNECT_MS, until - performance.now())));
          this.#current = member;
          return member;
        } catch (error) {
          if (error instanceof StoreUnavailable) throw error;
          member.failedAt = performance.now();
          failed = await member.reason();
        }
        if (this.#closed) throw new StoreUnavailable('the store is closed');
      }
      if (performance.now() >= until) throw new EtcdAway(this.#notConnected(failed), { cause: failed });
      await sleep(PAUSE_MS * (1 + Math.random()));
    }
  }

  #notConnected(reason: unknown): string {
    return `no etcd can be reached at ${this.where} (${String(reason)}): is it running, and is --store right?`;
  }

  /** After a whole call's time without an answer the next calls wait less: nobody is helped by a longer queue. */
  #away(cause: unknown): StoreUnavailable {
    if (this.#closed) return new StoreUnavailable('the store is closed');
    this.#isAway = true;
    return cause instanceof StoreUnavailable ? cause : storeFailure(cause ?? 'no answer in time', this.where);
  }

  async #metadata(member: Member): Promise<Metadata> {
    // gRPC copies it for each call.
    if (!this.#user) return LEADER_WANTED;
    this.#token ??= await this.#authenticate(member, this.#user);
    const metadata = LEADER_WANTED.clone();
    if (this.#token !== '') metadata.set('token', this.#token);
    return metadata;
  }

  #authenticate(member: Member, user: EtcdUser): Promise<string> {
    this.#authenticating ??= authenticate(member, user, this.where).finally(() => {
      this.#authenticating = undefined;
    });
    return this.#authenticating;
  }
}

async function authenticate(member: Member, user: EtcdUser, where: string): Promise<string> {
  const request = AUTHENTICATE.encode({ name: user.name, password: passwordOf(user) });
  try {
    return await member.call(AUTHENTICATE, request, new Metadata(), ETCD_TRY_MS);
  } catch (error) {
    if (isAuthOff(error)) return '';
    throw judge(error).again ? error : storeFailure(error, where);
  }
}

function passwordOf({ password }: EtcdUser): string {
  if ('text' in password) return password.text;
  try {
    return readFileSync(password.file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`${password.file}, named in --store, cannot be read: ${reason}`, { cause: error });
  }
}
