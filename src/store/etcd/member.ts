/** One member of an etcd cluster: its connection, and single calls on it. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientOptions,
  connectivityState,
  credentials,
  Metadata,
  makeGenericClientConstructor,
} from '@grpc/grpc-js';
import { ETCD_KEEPALIVE_MS, ETCD_KEEPALIVE_TIMEOUT_MS, ETCD_MESSAGE_BYTES } from '../../limits.ts';
import { StoreUnavailable } from '../store.ts';
import type { EtcdTls } from './location.ts';
import { type Method, RANGE } from './messages.ts';

const OPTIONS: ClientOptions = {
  'grpc.max_receive_message_length': ETCD_MESSAGE_BYTES,
  'grpc.max_send_message_length': ETCD_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': ETCD_KEEPALIVE_MS,
  'grpc.keepalive_timeout_ms': ETCD_KEEPALIVE_TIMEOUT_MS,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // What is tried again, and where, is decided in members.ts.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  // Statistics of each call that nobody reads.
  'grpc.enable_channelz': 0,
};

const EtcdClient = makeGenericClientConstructor({}, 'etcdserverpb');
type EtcdClient = InstanceType<typeof EtcdClient>;

/** Milliseconds in which a connection that has failed says why. */
const REASON_MS = 200;
const EMPTY = Buffer.alloc(0);

const asIs = (bytes: Buffer): Buffer => bytes;

/** Makes its connection when it is first needed, and again after it was dropped. */
export class Member {
  /** `HOST:PORT` */
  readonly endpoint: string;
  readonly #tls: EtcdTls | undefined;
  #client: EtcdClient | undefined;
  /** When it last failed (performance.now); the one that has not failed for longest is tried first. */
  failedAt = 0;

  constructor(endpoint: string, tls: EtcdTls | undefined) {
    this.endpoint = endpoint;
    this.#tls = tls;
  }

  get ready(): boolean {
    return this.#state === connectivityState.READY;
  }

  get #state(): connectivityState | undefined {
    return this.#client?.getChannel().getConnectivityState(false);
  }

  /** Resolves when it is connected. Rejects with what kept it from it, if that takes longer than so many milliseconds. */
  connect(withinMs: number): Promise<void> {
    const client = this.#open();
    return new Promise((resolve, reject) => {
      client.waitForReady(Date.now() + withinMs, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /**
   * Why there is no connection, in the words of the system or of TLS. One that was refused is dropped, for the certificates
   * may be other ones by the next time; one that is only slow goes on.
   */
  async reason(): Promise<string> {
    const probe: Method<undefined, undefined> = { path: RANGE.path, encode: () => EMPTY, decode: () => undefined };
    try {
      await this.call(probe, EMPTY, new Metadata(), REASON_MS);
      return 'no connection in time';
    } catch (error) {
      const details = error instanceof Error && 'details' in error ? String(error.details) : String(error);
      const [, last = details] = /Last error: (?:Error: )?(.*)$/s.exec(details) ?? [];
      const [line = ''] = last.replace(/\. Resolution note: $/, '').split('\n');
      // OpenSSL says where in its sources it heard this; what it heard is enough.
      const [, alert] = /(?:tls|tlsv1\d) alert ([a-z ]+):/.exec(line) ?? [];
      return alert === undefined ? line : `TLS: ${alert}`;
    } finally {
      if (this.#state === connectivityState.TRANSIENT_FAILURE) this.drop();
    }
  }

  /** Lets go of the connection. The next one reads certificates afresh. Calls under way end by themselves. */
  drop(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  /** One question, one answer. Rejects with gRPC's own error. */
  call<Q, R>(method: Method<Q, R>, request: Buffer, metadata: Metadata, withinMs: number): Promise<R> {
    const client = this.#open();
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + withinMs;
      client.makeUnaryRequest(method.path, asIs, method.decode, request, metadata, { deadline }, (error, answer) => {
        if (error) reject(error);
        else resolve(answer as R);
      });
    });
  }

  /** A stream both ways; it lasts until one side ends it. */
  stream<R>(path: string, decode: (bytes: Buffer) => R, metadata: Metadata): ClientDuplexStream<Buffer, R> {
    return this.#open().makeBidiStreamRequest(path, asIs, decode, metadata);
  }

  #open(): EtcdClient {
    if (this.#client) return this.#client;
    const host = this.endpoint.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
    // gRPC would name an address as the server that is wanted, which TLS does not allow.
    const name = { 'grpc.ssl_target_name_override': isIP(host) === 0 ? host : 'etcd' };
    this.#client = new EtcdClient(this.endpoint, credentialsOf(this.#tls, host), { ...OPTIONS, ...name });
    return this.#client;
  }
}

function credentialsOf(tls: EtcdTls | undefined, host: string): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const { ca, client } = tls;
  try {
    return credentials.createSsl(
      ca === undefined ? null : pem(ca),
      client ? pem(client.key) : null,
      client ? pem(client.cert) : null,
      { checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate) },
    );
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`the certificates for etcd cannot be used: ${reason}`, { cause: error });
  }
}

function pem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`${file}, named in --store, cannot be read: ${reason}`, { cause: error });
  }
}
