/** For tests: the Kubernetes edge on 127.0.0.1 over the store in memory, with resources made up for the purpose. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AccountTokens } from '../access/accounttokens.ts';
import { makeAuthorizer } from '../access/authorizer.ts';
import { AccessTokens } from '../access/tokens.ts';
import { MASTERS, type User } from '../access/user.ts';
import type { Blobs } from '../blobs/blobs.ts';
import type { Services } from '../objects/context.ts';
import { invalidValue } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import type { Store } from '../store/store.ts';
import { kubeHandler } from './server.ts';

export interface Widget extends KubeObject {
  spec?: { size?: number; color?: string; parts?: { name: string; weight?: number }[]; notes?: Record<string, string> };
  status?: { phase?: string };
}

const part: ObjectSchema = {
  type: 'object',
  component: 'test.v1.Part',
  properties: { name: { type: 'string', empty: 'always' }, weight: { type: 'integer', format: 'int64' } },
};

const schema: ObjectSchema = {
  type: 'object',
  component: 'test.v1.Widget',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, empty: 'struct' },
    spec: {
      type: 'object',
      component: 'test.v1.WidgetSpec',
      properties: {
        size: { type: 'integer', format: 'int64' },
        color: { type: 'string' },
        parts: { type: 'array', items: part, patchStrategy: 'merge', patchMergeKey: 'name' },
        notes: { type: 'map', values: { type: 'string' } },
      },
    },
    status: {
      type: 'object',
      component: 'test.v1.WidgetStatus',
      empty: 'pointer',
      properties: { phase: { type: 'string' } },
    },
  },
};

const columns = [
  { name: 'Name', type: 'string', format: 'name', description: 'The name.' },
  { name: 'Size', type: 'integer', description: 'The size.' },
] as const;

/** Kept whole. */
export const widgets: Resource<Widget> = {
  group: 'things.test',
  version: 'v1',
  kind: 'Widget',
  resource: 'widgets',
  singular: 'widget',
  shortNames: ['wd'],
  namespaced: true,
  verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
  schema,
  table: { columns, cells: ({ metadata, spec }) => [metadata.name ?? '', spec?.size ?? 0] },
  fields: { 'spec.color': ({ spec }) => spec?.color ?? '' },
  kept: {
    prefix: '/widgets/',
    unconditionalUpdate: true,
    generation: true,
    prepareCreate: (_ctx, object) => {
      delete object.status;
    },
    prepareUpdate: (_ctx, object, old) => {
      if (old.status) object.status = old.status;
      else delete object.status;
    },
    validate: (_ctx, { spec }) =>
      (spec?.size ?? 0) < 0 ? [invalidValue('spec.size', spec?.size, 'must not be negative')] : [],
    validateName: (name) => (/^[a-z0-9.-]+$/.test(name) ? undefined : 'must be lower case'),
  },
  subresources: [
    {
      name: 'status',
      kind: 'Widget',
      verbs: ['get', 'patch', 'update'],
      status: {
        prepareUpdate: (_ctx, object, old) => {
          const { status } = object as Widget;
          Object.assign(object, structuredClone(old), status && { status });
        },
        validate: () => [],
      },
    },
  ],
};

/** Kept in several keys: the parts of its spec each in one. */
export const boxes: Resource<Widget> = {
  ...widgets,
  kind: 'Box',
  resource: 'boxes',
  singular: 'box',
  shortNames: [],
  subresources: [
    {
      name: 'lid',
      kind: 'Lid',
      api: { group: 'lids.test', version: 'v2' },
      verbs: ['create'],
      schema,
      create: (_ctx, namespace, name, object) => ({ ...object, metadata: { ...object.metadata, name, namespace } }),
    },
    {
      name: 'blue',
      kind: 'WidgetList',
      verbs: ['get'],
      lists: { resource: widgets, includes: ({ spec }: Widget) => spec?.color === 'blue' },
    },
  ],
  kept: {
    prefix: '/boxes/',
    unconditionalUpdate: false,
    generation: false,
    validate: () => [],
    validateName: () => undefined,
    composition: {
      split: ({ spec, ...head }) => ({
        head,
        parts: new Map((spec?.parts ?? []).map((one) => [one.name, JSON.stringify(one)])),
      }),
      tail: (_namespace, _name, parts) => `,"spec":{"parts":[${parts.join(',')}]}`,
    },
  },
};

/** Kept whole: a PUT makes those that are not there, and what they own is orphaned unless a deletion says otherwise. */
const leases: Resource<Widget> = {
  ...widgets,
  kind: 'Lease',
  resource: 'leases',
  singular: 'lease',
  shortNames: [],
  subresources: [],
  kept: {
    prefix: '/leases/',
    unconditionalUpdate: false,
    createOnUpdate: true,
    dependents: 'orphan',
    generation: false,
    validate: () => [],
    validateName: () => undefined,
  },
};

/** Computed: halves of widgets, which cannot be watched. */
export const halves: Resource<Widget> = {
  ...widgets,
  kind: 'Half',
  resource: 'halves',
  singular: 'half',
  shortNames: [],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'],
  subresources: [],
  kept: undefined as never,
  computed: {
    get: (_ctx, namespace, name) => ({ object: () => half(namespace, name) }),
    list: (_ctx, namespace, options) =>
      ['a', 'b']
        .map((name) => half(namespace ?? '', name))
        .filter(({ metadata }) => options.matchesLabels(metadata.labels)),
    create: () => ({ status: 'Success' }),
    update: (_ctx, _namespace, name, object) => ({ object, created: name === 'new' }),
    delete: () => undefined,
  },
};

function half(namespace: string, name: string): Widget {
  return { metadata: { name, namespace, labels: { name } }, spec: { size: 1 } };
}

/** A widget as a client sends it. */
export function widget(name: string, more: object = {}, meta: object = {}): object {
  return { kind: 'Widget', apiVersion: 'things.test/v1', metadata: { name, ...meta }, ...more };
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any;
}

export interface Call {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly user?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestServer {
  readonly store: Store;
  readonly services: Services;
  readonly port: number;
  readonly reported: unknown[];
  call(method: string, path: string, options?: Call): Promise<Answered>;
  close(): Promise<void>;
}

const NAMESPACES = ['one', 'two'];

/** A server with namespaces `one` and `two`. Users are named by the header `user`; `admin` may do everything. */
export async function startTestServer(store: Store = openMemoryStore()): Promise<TestServer> {
  for (const name of NAMESPACES) {
    await store.commit([
      { op: 'put', key: `/namespaces/${name}`, value: Buffer.from(`{"metadata":{"name":"${name}"}}`) },
    ]);
  }
  let count = 0;
  const now = (): Date => new Date('2026-01-02T03:04:05Z');
  const uid = (): string => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`;
  const services: Services = {
    store,
    blobs: {} as Blobs,
    authorizer: makeAuthorizer({ allow: (user, attributes) => (allows(user, attributes) ? 'a rule' : undefined) }),
    settings: { registryHost: 'registry.test', autoNamespaces: true },
    accountTokens: new AccountTokens(store, now, uid),
    userTokens: new AccessTokens(store, now),
    now,
    uid,
    suffix: (characters) => String(++count).padStart(characters, 'x'),
  };
  const reported: unknown[] = [];
  const resources = [widgets, boxes, leases, halves] as unknown as Resource[];
  const handler = kubeHandler(services, resources, (req) => userOf(req.headers.user), {
    report: (error) => reported.push(error),
  });
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    store,
    services,
    port,
    reported,
    call: (method, path, options = {}) => callServer(port, method, path, options),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await store.close();
    },
  };
}

function userOf(name: string | string[] | undefined): User | undefined {
  if (typeof name !== 'string' || name === 'nobody') return undefined;
  return { name, groups: name === 'admin' ? [MASTERS] : [] };
}

/** `reader` may read the widget `a` of namespace `one`. */
function allows(user: User, attributes: object): boolean {
  const { verb, name, namespace, path } = attributes as Readonly<Record<string, string>>;
  if (user.name !== 'reader') return false;
  if (path !== undefined) return path.startsWith('/api');
  return ['get', 'list', 'watch'].includes(verb ?? '') && name === 'a' && namespace === 'one';
}

/** Sends a request to a server on 127.0.0.1. */
export async function callServer(port: number, method: string, path: string, options: Call = {}): Promise<Answered> {
  const { body, type, accept, user = 'admin', headers = {} } = options;
  const sending = body === undefined || Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
  const sent = {
    user,
    ...(type !== undefined && { 'content-type': type }),
    ...(accept !== undefined && { accept }),
    ...(sending !== undefined && { 'content-length': Buffer.byteLength(sending) }),
    ...headers,
  };
  const req = request({ host: '127.0.0.1', port, method, path, headers: sent, agent: false });
  req.end(sending);
  const [res] = await once(req, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of res) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  const text = bytes.toString();
  const plain = text !== '' && res.headers['content-encoding'] === undefined;
  const json = plain && String(res.headers['content-type']).startsWith('application/json');
  return { status: res.statusCode, headers: res.headers, text, bytes, body: json ? parsedBody(text) : text };
}

/** A body, or the events of a watch. */
function parsedBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }
}
