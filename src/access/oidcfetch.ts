/** GETs from an OpenID Connect provider: over HTTPS, from authorities that may be named, small, soon, without redirects. */
import https from 'node:https';
import type { FetchImplementation } from 'jose';
import { OIDC_ANSWER_BYTES, OIDC_WAIT_SECONDS } from '../limits.access.ts';

interface Got {
  readonly status: number;
  readonly body: string;
}

/** @throws {Error} saying what is wrong, if the answer does not come, is too large, or is not 200. */
export async function fetchJson(url: string, authorities: string | undefined): Promise<object> {
  const { status, body } = await get(url, authorities);
  if (status !== 200) throw new Error(`${url} answers ${status}`);
  const value: unknown = JSON.parse(body);
  if (typeof value !== 'object' || value === null) throw new Error(`${url} answers no object`);
  return value;
}

/** The same in the form that jose takes. */
export function fetcher(authorities: string | undefined): FetchImplementation {
  return async (url) => {
    const { status, body } = await get(url, authorities);
    return new Response(body, { status, headers: { 'Content-Type': 'application/json' } });
  };
}

function get(url: string, authorities: string | undefined): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>();
  const options = {
    ...(authorities !== undefined && { ca: authorities }),
    headers: { Accept: 'application/json' },
    timeout: OIDC_WAIT_SECONDS * 1000,
    agent: false,
  };
  const request = https.get(url, options, (response) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    response
      .on('data', (piece: Buffer) => {
        bytes += piece.length;
        if (bytes > OIDC_ANSWER_BYTES) request.destroy(new Error(`${url} answers too much`));
        else pieces.push(piece);
      })
      .on('error', reject)
      .on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() }));
  });
  request.on('timeout', () => request.destroy(new Error(`${url} does not answer`)));
  request.on('error', reject);
  return promise;
}
