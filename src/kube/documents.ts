/** What is no resource: discovery, OpenAPI, the version, and paths that lead nowhere. */

import { DomainError } from '../objects/errors.ts';
import type { Resource } from '../objects/resource.ts';
import { endWith } from '../observe/answer.ts';
import { type Discovery, discovery, groupsOf, type Prebuilt } from './discovery.ts';
import { type Exchange, headOf, send } from './exchange.ts';
import { type OpenApi, openApi } from './openapi.ts';
import { type BuildFacts, versionInfo } from './version.ts';

export interface Documents {
  /**
   * Answers a request that is about no resource.
   * @throws {DomainError} NoSuchResource, MethodNotAllowed, NotAcceptable.
   */
  readonly send: (exchange: Exchange) => Promise<void>;
}

interface Served {
  readonly discovery: Discovery;
  readonly openApi: OpenApi;
  /** `''` is the core group. */
  readonly groups: ReadonlySet<string>;
  readonly version: string;
  readonly paths: string;
}

/** All documents of a server with these resources. */
export function documents(resources: readonly Resource[], build: BuildFacts): Documents {
  const groups = groupsOf(resources);
  const paths = groups.flatMap(({ name, versions }) => {
    const base = name ? `/apis/${name}` : '/api';
    return [base, ...versions.map(({ version }) => `${base}/${version}`)];
  });
  const served: Served = {
    discovery: discovery(resources),
    openApi: openApi(resources, build.version),
    groups: new Set(groups.map(({ name }) => name)),
    version: JSON.stringify(versionInfo(build), null, 2),
    paths: JSON.stringify({ paths: ['/apis', ...paths, '/openapi/v3', '/version'].sort() }, null, 2),
  };
  return { send: (exchange) => sendDocument(exchange, served) };
}

async function sendDocument(exchange: Exchange, served: Served): Promise<void> {
  const { info, req } = exchange;
  const path = info.path.length > 1 && info.path.endsWith('/') ? info.path.slice(0, -1) : info.path;
  const { accept, 'if-none-match': ifNoneMatch } = req.headers;
  const reading = info.method === 'GET';
  const found =
    served.discovery.answer(path, reading ? accept : undefined, ifNoneMatch) ??
    (await served.openApi.answer(path, {
      accept: reading ? accept : undefined,
      acceptEncoding: req.headers['accept-encoding'],
      ifNoneMatch,
      hash: exchange.query.get('hash'),
    }));
  if (found) sendPrebuilt(exchange, reading, found);
  else if (path === '/version') sendJson(exchange, reading, served.version);
  else if (path === '/') sendJson(exchange, reading, served.paths);
  else sendNothing(exchange, served);
}

function sendPrebuilt(exchange: Exchange, reading: boolean, { status, headers, body }: Prebuilt): void {
  if (!reading) throw notAllowed();
  const { 'content-type': type, ...others } = headers;
  const head = [...headOf(exchange, type), ...Object.entries(others).flat()];
  if (status !== 304) head.push('Content-Length', String(body.length));
  exchange.res.writeHead(status, head);
  endWith(exchange.res, body);
}

function sendJson(exchange: Exchange, reading: boolean, body: string): void {
  if (!reading) throw notAllowed();
  send(exchange, 200, 'application/json', body);
}

function notAllowed(): DomainError {
  const message = 'the server does not allow this method on the requested resource';
  return new DomainError({ reason: 'MethodNotAllowed', message });
}

/** An unknown version of a known group is a Status, any other path that leads nowhere is plain text. */
function sendNothing(exchange: Exchange, { groups }: Served): void {
  const [, root = '', group = ''] = exchange.info.path.split('/');
  const known = root === 'api' ? groups.has('') : root === 'apis' && group !== '' && groups.has(group);
  if (known) throw new DomainError({ reason: 'NoSuchResource' });
  send(exchange, 404, 'text/plain; charset=utf-8', '404 page not found\n');
}
