/** Requests to the Kubernetes API as the administrator. */
import type http from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { type Answer, ask } from './http.ts';

/** The group and version of the image API, as a path. */
export const IMAGE_API = '/apis/image.openshift.io/v1';

/** An API and who asks it. */
export interface Api {
  /** `https://HOST:PORT` */
  readonly url: string;
  readonly token: string;
  /** PEM of the authority to trust. */
  readonly ca: string;
  readonly agent?: http.Agent;
}

export interface ApiAsk {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body; `application/json` otherwise. */
  readonly type?: string;
}

/** Asks for a path. @throws the socket's error, if the connection ends before the answer does. */
export function askApi(api: Api, path: string, { method = 'GET', body, type }: ApiAsk = {}): Promise<Answer> {
  const headers: OutgoingHttpHeaders = { Authorization: `Bearer ${api.token}`, Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = type ?? 'application/json';
  return ask(api.url + path, {
    method,
    headers,
    ca: api.ca,
    ...(api.agent && { agent: api.agent }),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

/** The path of a stream, or with '' of all streams of the namespace. */
export function streamPath(namespace: string, name: string): string {
  return `${IMAGE_API}/namespaces/${namespace}/imagestreams${name && `/${name}`}`;
}
