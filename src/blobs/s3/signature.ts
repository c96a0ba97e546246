/**
 * The signature of a request whose body is not signed: AWS Signature Version 4, in headers
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 */
import { createHash, createHmac } from 'node:crypto';

/** Who signs. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface SignedRequest {
  readonly method: string;
  readonly host: string;
  /** As it is sent: percent-encoded, once. */
  readonly path: string;
  /** Encoded, in the order of the names. */
  readonly query: string;
  /** Further headers that are to be signed: S3 wants all `x-amz-…` to be. Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** Signs for one region; what the key of a day costs is paid once a day. */
export class Signer {
  readonly #region: string;
  #key: { readonly day: string; readonly secret: string; readonly bytes: Buffer } | undefined;

  constructor(region: string) {
    this.#region = region;
  }

  /** The headers with which the request goes, but for Host. */
  sign(request: SignedRequest, credentials: Credentials, now: Date): Record<string, string> {
    const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
    const { sessionToken } = credentials;
    const headers: Record<string, string> = {
      ...request.headers,
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-amz-date': time,
      ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
    };
    const signed = Object.entries({ ...headers, host: request.host }).sort(([a], [b]) => (a < b ? -1 : 1));
    const names = signed.map(([name]) => name).join(';');
    const lines = signed.map(([name, value]) => `${name}:${value}\n`).join('');
    const canonical = [request.method, request.path, request.query, lines, names, 'UNSIGNED-PAYLOAD'].join('\n');
    const day = time.slice(0, 8);
    const scope = `${day}/${this.#region}/s3/aws4_request`;
    const digest = createHash('sha256').update(canonical).digest('hex');
    const signature = hmac(this.#keyOf(day, credentials), [ALGORITHM, time, scope, digest].join('\n')).toString('hex');
    const credential = `${credentials.accessKeyId}/${scope}`;
    headers.authorization = `${ALGORITHM} Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
    return headers;
  }

  #keyOf(day: string, { secretAccessKey: secret }: Credentials): Buffer {
    if (this.#key?.day === day && this.#key.secret === secret) return this.#key.bytes;
    const bytes = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), this.#region), 's3'), 'aws4_request');
    this.#key = { day, secret, bytes };
    return bytes;
  }
}

/** A value of a query as signatures want it. */
export function queryValue(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
