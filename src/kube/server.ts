/** The Kubernetes edge: lets requests in, finds what they are about, has it answered, and sees to it that all are. */
import { refusalOf } from '../access/authorizer.ts';
import type { User } from '../access/user.ts';
import type { HttpRequest, HttpResponse } from '../http/message.ts';
import type { Services } from '../objects/context.ts';
import { DomainError, forbidden } from '../objects/errors.ts';
import type { Resource } from '../objects/resource.ts';
import { refuseKeyless } from '../objects/values.ts';
import type { Audit } from '../observe/audit.ts';
import { type Awaitable, Compacted, RevisionAhead, StoreError } from '../store/store.ts';
import { isChange, isDenial, isWrite, recordOf } from './auditing.ts';
import type { Documents } from './documents.ts';
import { type Exchange, fail, type Reply } from './exchange.ts';
import { ClientGone } from './listwriter.ts';
import { checkTimeout } from './options.ts';
import { patch } from './patch.ts';
import { getObject, getSubresource, listObjects } from './read.ts';
import { attributesOf, type Route, Routes, requestInfo } from './route.ts';
import type { BuildFacts } from './version.ts';
import { watchObjects } from './watch.ts';
import { takeBearer } from './websocket.ts';
import { create, createSubresource, deleteMany, deleteOne, update } from './write.ts';

export { endWatches } from './watch.ts';

/** Who sends a request; undefined, or something thrown, if that cannot be told. */
export type Identify = (req: HttpRequest) => Awaitable<User | undefined>;

export interface KubeOptions {
  /** For `/version`. */
  readonly build?: BuildFacts;
  /** Hears of errors that nobody expected: the client is only told that there was one. */
  readonly report?: (error: unknown, req: HttpRequest) => void;
  /** Told of each write and of each request that was refused. */
  readonly audit?: Audit;
}

/**
 * Answers a request. `upgrade` is given for one that asks for a WebSocket, on a connection that is no longer the HTTP
 * server's: it holds what came after the request.
 */
export type KubeHandler = (req: HttpRequest, res: HttpResponse, upgrade?: Buffer) => void;

/**
 * Answers every request that main gives it: resources, discovery, `/version`, `/openapi`. Everything needs a user, and
 * what the authorizer allows. Never throws and never rejects.
 */
export function kubeHandler(
  services: Services,
  resources: readonly Resource[],
  identify: Identify,
  options: KubeOptions = {},
): KubeHandler {
  const server: Server = {
    services,
    identify,
    routes: new Routes(resources),
    documents: documentsOf(resources, options.build ?? { version: '0.0.0' }),
    report: options.report ?? (() => undefined),
    audit: options.audit,
  };
  return (req, res, upgrade) => void serve(server, req, res, upgrade);
}

/** Loaded and made with the first request for one of them: no start needs them. */
function documentsOf(resources: readonly Resource[], build: BuildFacts): () => Promise<Documents> {
  let made: Promise<Documents> | undefined;
  return () => {
    made ??= import('./documents.ts').then(({ documents }) => documents(resources, build));
    return made;
  };
}

interface Server {
  readonly services: Services;
  readonly identify: Identify;
  readonly routes: Routes;
  readonly documents: () => Promise<Documents>;
  readonly report: (error: unknown, req: HttpRequest) => void;
  readonly audit: Audit | undefined;
}

const NO_QUERY = new URLSearchParams();

/** Writing to a client that has gone is no error; without a listener it would end the process. */
function ignore(): void {
  // Nothing to do: 'close' tells whoever must know.
}

async function serve(server: Server, req: HttpRequest, res: HttpResponse, upgrade?: Buffer): Promise<void> {
  res.on('error', ignore);
  const auditId = auditIdOf(req, server.services);
  const reply: Reply = {
    req,
    res,
    auditId,
    warnings: [],
    acting: undefined,
    about: undefined,
    ...(upgrade && { upgrade }),
  };
  if (upgrade) takeBearer(req);
  try {
    await answer(server, reply);
    if (server.audit && isChange(req, reply.about)) {
      server.audit(recordOf(reply, reply.acting, reply.about, res.statusCode));
    }
  } catch (error) {
    if (error instanceof ClientGone || res.destroyed) {
      res.destroy();
      return;
    }
    if (isUnexpected(error)) server.report(error, req);
    const { code, status } = fail(reply, error);
    if (server.audit && (isWrite(req) || isDenial(code))) {
      server.audit(recordOf(reply, reply.acting, reply.about, code, status.message));
    }
  }
}

async function answer(server: Server, reply: Reply): Promise<void> {
  const { services } = server;
  const { req } = reply;
  const user = await identified(server, req);
  reply.acting = user;
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  const query = mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1));
  const info = requestInfo(req.method ?? 'GET', mark < 0 ? url : url.slice(0, mark), query);
  reply.about = info;
  const attributes = attributesOf(info, server.routes.nameNamespaces(info));
  const decision = await services.authorizer.authorize(user, attributes);
  if (!decision.allowed) throw forbidden(info, info.name, refusalOf(user, attributes, decision));
  const exchange: Exchange = { ...reply, info, query, user, services };
  checkTimeout(query);
  const route = info.isResource ? server.routes.find(info) : undefined;
  if (route) await handle(exchange, route);
  else await (await server.documents()).send(exchange);
}

async function identified({ identify }: Server, req: HttpRequest): Promise<User> {
  let user: User | undefined;
  try {
    user = await identify(req);
  } catch (error) {
    // What says for itself what is wrong (a store that is away, a bad impersonation) is not called a bad credential.
    if (error instanceof DomainError || error instanceof StoreError) throw error;
  }
  if (!user) throw new DomainError({ reason: 'Unauthorized', message: 'Unauthorized' });
  return user;
}

async function handle(exchange: Exchange, route: Route): Promise<void> {
  if (namesKept(route)) refuseKeyless(route.name);
  switch (route.kind) {
    case 'object':
      return handleObject(exchange, route);
    case 'collection':
      return handleCollection(exchange, route);
    case 'subresource':
      return handleSubresource(exchange, route);
  }
}

/** Whether it is about one object that is kept. */
function namesKept(route: Route): route is Exclude<Route, { kind: 'collection' }> {
  if (route.kind === 'collection' || !route.resource.kept) return false;
  return route.kind === 'object' || !route.subresource.lists;
}

function handleObject(exchange: Exchange, route: Extract<Route, { kind: 'object' }>): Promise<void> {
  const { resource, namespace, name } = route;
  switch (route.verb) {
    case 'get':
      return getObject(exchange, resource, namespace, name);
    case 'update':
      return update(exchange, resource, undefined, namespace, name);
    case 'patch':
      return patch(exchange, resource, undefined, namespace, name);
    case 'delete':
      return deleteOne(exchange, resource, namespace, name);
  }
}

function handleCollection(exchange: Exchange, route: Extract<Route, { kind: 'collection' }>): Promise<void> {
  const { resource, namespace } = route;
  switch (route.verb) {
    case 'list':
      return listObjects(exchange, resource, namespace);
    case 'watch':
      return watchObjects(exchange, resource, namespace, route.name);
    case 'create':
      return create(exchange, resource, namespace);
    case 'deletecollection':
      return deleteMany(exchange, resource, namespace);
  }
}

function handleSubresource(exchange: Exchange, route: Extract<Route, { kind: 'subresource' }>): Promise<void> {
  const { resource, subresource, namespace, name, verb } = route;
  if (subresource.as && (verb === 'get' || verb === 'update' || verb === 'patch')) {
    return handleObject(exchange, { kind: 'object', verb, resource: subresource.as, namespace, name });
  }
  switch (verb) {
    case 'get':
      return getSubresource(exchange, resource, subresource, namespace, name);
    case 'update':
      return update(exchange, resource, subresource, namespace, name);
    case 'patch':
      return patch(exchange, resource, subresource, namespace, name);
    case 'create':
      return createSubresource(exchange, resource, subresource, namespace, name);
    default:
      throw new Error(`${resource.resource}/${subresource.name} offers ${verb}, which no subresource can`);
  }
}

/** The client's own, so that it can find its request in the logs, or a new one. */
function auditIdOf(req: HttpRequest, services: Services): string {
  const given = req.headers['audit-id'];
  return typeof given === 'string' && /^[\x21-\x7e]{1,64}$/.test(given) ? given : services.uid();
}

function isUnexpected(error: unknown): boolean {
  return !(error instanceof DomainError || error instanceof Compacted || error instanceof RevisionAhead);
}
