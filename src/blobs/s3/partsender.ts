/**
 * Parts on their way to S3 by no more than Node's HTTP client: what the SDK does for each request is a tenth of what an
 * upload costs. It is for the plain case only, an answer 200 with an ETag, signed as is usual. Where that is not enough,
 * the SDK sends the part again, and says what is amiss.
 */
import { type Agent, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { S3_CONNECT_MS, S3_TRY_MS } from '../../limits.ts';
import { CutShort } from './failure.ts';
import { type Credentials, queryValue, Signer } from './signature.ts';

export interface PartSenderOptions {
  readonly httpAgent: Agent;
  readonly httpsAgent: Agent;
  readonly credentials: () => Promise<Credentials>;
  readonly now?: () => Date;
}

/** A part to be sent. */
export interface OutgoingPart {
  /** An address by which the object may be read, as the SDK signs it: it tells the host, the path and the region. */
  readonly address: URL;
  readonly uploadId: string;
  readonly number: number;
  readonly bytes: Buffer;
  /** Base64. */
  readonly crc32?: string | undefined;
}

/** Bytes of an answer that are looked at: errors have words. */
const ANSWER_BYTES = 16 * 1024;
/** Answers from which the SDK can tell more, or which it can do something about. */
const LEFT_TO_SDK = new Set([400, 401, 403]);
/** So often the SDK may succeed where this failed; then it is left alone with all parts. */
const MOST_FAILURES = 3;

interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly text: string;
}

/** Sends the parts of one bucket. */
export class PartSender {
  readonly #options: PartSenderOptions;
  #signer: { readonly region: string; readonly signer: Signer } | undefined;
  #failures = 0;

  constructor(options: PartSenderOptions) {
    this.#options = options;
  }

  /**
   * Sends a part; resolves to its ETag, or to undefined if it is to be left to the SDK.
   * @throws the error of the connection, {CutShort}, or what S3 answered, as the SDK throws it.
   */
  async send(part: OutgoingPart, signal: AbortSignal): Promise<string | undefined> {
    const region = this.#failures < MOST_FAILURES ? regionOf(part.address) : undefined;
    if (region === undefined) return undefined;
    if (this.#signer?.region !== region) this.#signer = { region, signer: new Signer(region) };
    const { address, uploadId, number, crc32 } = part;
    const query = `partNumber=${number}&uploadId=${queryValue(uploadId)}`;
    const { credentials, now = () => new Date() } = this.#options;
    const headers = this.#signer.signer.sign(
      {
        method: 'PUT',
        host: address.host,
        path: address.pathname,
        query,
        headers: crc32 === undefined ? {} : { 'x-amz-checksum-crc32': crc32 },
      },
      await credentials(),
      now(),
    );
    signal.throwIfAborted();
    const answer = await this.#put(part, `${address.pathname}?${query}`, headers, signal);
    if (answer.status === 200 && answer.etag) {
      this.#failures = 0;
      return answer.etag;
    }
    if (answer.status < 400 || LEFT_TO_SDK.has(answer.status)) return undefined;
    throw errorOf(answer);
  }

  /** The SDK has sent what this could not. */
  failed(): void {
    this.#failures += 1;
  }

  #put(part: OutgoingPart, path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const { address, bytes } = part;
    const secure = address.protocol === 'https:';
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const late = (): void => void put.destroy(Object.assign(new Error('no answer'), { name: 'TimeoutError' }));
    const put = (secure ? requestHttps : requestHttp)({
      method: 'PUT',
      host: address.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: address.port || (secure ? 443 : 80),
      path,
      agent: secure ? this.#options.httpsAgent : this.#options.httpAgent,
      headers: { ...headers, host: address.host, 'content-length': bytes.length },
    });
    let connecting: NodeJS.Timeout | undefined;
    put.on('socket', (socket) => {
      if (!socket.connecting) return;
      connecting = setTimeout(late, S3_CONNECT_MS);
      socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    put.setTimeout(S3_TRY_MS, late);
    put.on('error', reject);
    put.on('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= ANSWER_BYTES) chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const { etag } = response.headers;
        // An answer that came before the whole part was sent leaves the connection of no use.
        if (!put.writableFinished) put.destroy();
        resolve({ status: response.statusCode ?? 0, etag, text: Buffer.concat(chunks).toString() });
      });
      response.on('close', () => reject(new CutShort('the answer did not come to its end')));
    });
    signal.addEventListener('abort', late, { once: true });
    put.end(bytes);
    return promise.finally(() => {
      clearTimeout(connecting);
      signal.removeEventListener('abort', late);
    });
  }
}

/** The region that the SDK signs for; undefined if it signs in another way than is known here. */
function regionOf({ searchParams }: URL): string | undefined {
  const [, region, ...rest] = searchParams.get('X-Amz-Credential')?.split('/').slice(1) ?? [];
  const usual = searchParams.get('X-Amz-Algorithm') === 'AWS4-HMAC-SHA256' && rest.join('/') === 's3/aws4_request';
  return usual && !searchParams.has('X-Amz-S3session-Token') ? region : undefined;
}

/** What S3 refused with, in the form in which the SDK throws it. */
function errorOf({ status, text }: Answer): Error {
  const word = (name: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  const name = word('Code') ?? 'Unknown';
  return Object.assign(new Error(word('Message') ?? name), { name, $metadata: { httpStatusCode: status } });
}
