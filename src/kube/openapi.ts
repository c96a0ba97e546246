/** OpenAPI: the v3 index and a document for each group version, built when they are first asked for; and v2. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Resource } from '../objects/resource.ts';
import { groupsOf, matchesTag, type Prebuilt, pathOf } from './discovery.ts';
import { acceptClauses, notAcceptable, takes } from './negotiate.ts';
import { addResource, tagOf } from './openapi.paths.ts';
import { apiResourceListSchema, componentsOf, type JsonObject } from './openapi.schemas.ts';
import { swagger } from './openapi.v2.ts';

/** What of a request decides the answer. */
export interface OpenApiRequest {
  readonly accept?: string | undefined;
  readonly acceptEncoding?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  /** `hash` of the query: a document that is asked for by its hash may be kept for ever. */
  readonly hash?: string | null | undefined;
}

export interface OpenApi {
  /**
   * The answer to a GET of a path under /openapi, or undefined if there is no such document.
   * @throws {DomainError} NotAcceptable: v3 is served as JSON, v2 as JSON or protobuf. Clients that ask for a form take
   *   whatever they are given for it.
   */
  answer(path: string, request?: OpenApiRequest): Promise<Prebuilt | undefined>;
}

const V3 = '/openapi/v3';
const V2 = '/openapi/v2';
/** Subtypes of `application/`. kubectl asks by the first, which is no proper media type, and is answered with the second. */
const PROTOBUF_V2_OF_OLD = 'com.github.proto-openapi.spec.v2@v1.0+protobuf';
const PROTOBUF_V2 = 'com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** OpenAPI of these resources. `version` is the server's own. */
export function openApi(resources: readonly Resource[], version: string): OpenApi {
  const builders = documentBuilders(resources, version);
  const documents = new Map<string, Document>();
  const built = (name: string): Document | undefined => {
    const build = builders.get(name);
    if (!build) return undefined;
    let document = documents.get(name);
    if (!document) {
      document = documentOf(build(), 'application/json');
      documents.set(name, document);
    }
    return document;
  };
  const lazily = (build: () => Document): (() => Document) => {
    let document: Document | undefined;
    return () => {
      document ??= build();
      return document;
    };
  };
  // The reference calls its index text/plain, and so do we: clients do not look.
  const index = lazily(() => documentOf(indexOf([...builders.keys()], built), 'text/plain; charset=utf-8'));
  const v2 = lazily(() => documentOf(swaggerOf(builders, version), 'application/json'));
  let v2Protobuf: Promise<Document> | undefined;
  const swaggerAnswer = async (request: OpenApiRequest): Promise<Prebuilt> => {
    const type = chosenType(request.accept, ['json', PROTOBUF_V2_OF_OLD, PROTOBUF_V2]);
    if (type === 'json') return answerOf(v2(), request);
    v2Protobuf ??= import('./openapi.protobuf.ts').then(({ documentBytes }) =>
      documentOfBytes(documentBytes(swaggerOf(builders, version)), `application/${PROTOBUF_V2}`),
    );
    return answerOf(await v2Protobuf, request);
  };
  return {
    async answer(path, request = {}) {
      const key = path.endsWith('/') ? path.slice(0, -1) : path;
      if (key === V2) return await swaggerAnswer(request);
      if (key === V3) return answerOf(index(), request);
      const name = key.startsWith(`${V3}/`) ? key.slice(V3.length + 1) : '';
      if (!builders.has(name)) return undefined;
      chosenType(request.accept, ['json']);
      const document = built(name);
      return document && versionedAnswer(name, document, request);
    },
  };
}

/** The first of these subtypes of `application/` that a client takes. @throws {DomainError} NotAcceptable. */
function chosenType(accept: string | undefined, subtypes: readonly string[]): string {
  for (const clause of acceptClauses(accept || '*/*')) {
    const found = subtypes.find((subtype) => takes(clause, 'application', subtype));
    if (found) return found;
  }
  throw notAcceptable('type');
}

function swaggerOf(builders: ReadonlyMap<string, () => JsonObject>, version: string): JsonObject {
  return swagger(
    [...builders.values()].map((build) => build()),
    version,
  );
}

interface Document {
  readonly contentType: string;
  readonly body: Buffer;
  readonly hash: string;
  gzipped?: Buffer;
}

function documentOf(object: JsonObject, contentType: string): Document {
  return documentOfBytes(Buffer.from(JSON.stringify(object)), contentType);
}

function documentOfBytes(body: Buffer, contentType: string): Document {
  return { contentType, body, hash: createHash('sha512').update(body).digest('hex').toUpperCase() };
}

function indexOf(names: readonly string[], built: (name: string) => Document | undefined): JsonObject {
  const paths: JsonObject = {};
  for (const name of names.toSorted()) {
    paths[name] = { serverRelativeURL: `${V3}/${name}?hash=${built(name)?.hash ?? ''}` };
  }
  return { paths };
}

function answerOf(document: Document, request: OpenApiRequest, more: Record<string, string> = {}): Prebuilt {
  const etag = `"${document.hash}"`;
  const headers: Record<string, string> = { etag, vary: 'Accept, Accept-Encoding', ...more };
  if (request.ifNoneMatch && matchesTag(request.ifNoneMatch, etag))
    return { status: 304, headers, body: Buffer.alloc(0) };
  headers['content-type'] = document.contentType;
  if (!/\bgzip\b/.test(request.acceptEncoding ?? '')) return { status: 200, headers, body: document.body };
  document.gzipped ??= gzipSync(document.body);
  return { status: 200, headers: { ...headers, 'content-encoding': 'gzip' }, body: document.gzipped };
}

/** A document asked for by a hash that it no longer has is where the index says now. */
function versionedAnswer(name: string, document: Document, request: OpenApiRequest): Prebuilt {
  const { hash } = request;
  if (!hash) return answerOf(document, request);
  if (hash === document.hash) return answerOf(document, request, { 'cache-control': 'public, immutable' });
  return { status: 301, headers: { location: `${V3}/${name}?hash=${document.hash}` }, body: Buffer.alloc(0) };
}

/** Documents by their names in the index. Groups have one of their own, which holds no more than their discovery. */
function documentBuilders(resources: readonly Resource[], version: string): Map<string, () => JsonObject> {
  const builders = new Map<string, () => JsonObject>();
  const discovery = (path: string, id: string, description: string) => (): JsonObject => {
    const responses = { 200: { description: 'OK' }, 401: { description: 'Unauthorized' } };
    return frame(version, { [path]: { get: { description, operationId: id, responses } } }, {});
  };
  const groups = groupsOf(resources);
  builders.set('apis', discovery('/apis/', 'getAPIVersions', 'Lists the groups.'));
  builders.set('version', discovery('/version/', 'getCodeVersion', 'Tells the version of the server.'));
  for (const group of groups) {
    const root = group.name ? `apis/${group.name}` : 'api';
    const tag = tagOf({ group: group.name, version: '' }).slice(0, -1);
    const described = group.name ? 'Tells about the group.' : 'Lists the versions of the core group.';
    builders.set(root, discovery(`/${root}/`, `get${tag.charAt(0).toUpperCase()}${tag.slice(1)}API`, described));
    for (const { version: groupVersion, resources: members } of group.versions) {
      const path = pathOf(group.name, groupVersion);
      builders.set(path.slice(1), () => groupVersionDocument(path, members, version));
    }
  }
  return builders;
}

function groupVersionDocument(path: string, members: readonly Resource[], version: string): JsonObject {
  const components = componentsOf();
  const list = components.refer(apiResourceListSchema, { group: '', version: 'v1', kind: 'APIResourceList' });
  const paths: JsonObject = {};
  const [first] = members;
  paths[`${path}/`] = {
    get: {
      description: 'Lists the resources of this version.',
      operationId: `get${first ? tagOf(first) : ''}APIResources`,
      responses: {
        200: {
          description: 'OK',
          content: { 'application/json': { schema: list }, 'application/yaml': { schema: list } },
        },
        401: { description: 'Unauthorized' },
      },
      ...(first && { tags: [tagOf(first)] }),
    },
  };
  for (const resource of members) addResource(paths, { components }, resource);
  const ordered = Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)));
  return frame(version, ordered, components.schemas());
}

function frame(version: string, paths: JsonObject, schemas: JsonObject): JsonObject {
  const bearer = {
    type: 'apiKey',
    in: 'header',
    name: 'authorization',
    description: 'An API token as `Bearer <token>`.',
  };
  return {
    openapi: '3.0.0',
    info: { title: 'Headgate', version },
    paths,
    components: { schemas, securitySchemes: { BearerToken: bearer } },
    security: [{ BearerToken: [] }],
  };
}
