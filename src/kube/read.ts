/** get and list, of kept and of computed resources. */
import { LIST_PAGE_BYTES } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { badRequest, DomainError, isProblem, notFound } from '../objects/errors.ts';
import type { KubeObject } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Answer, Resource, Subresource } from '../objects/resource.ts';
import { type KeptObject, keptOf, keyOf, parsed, served } from '../objects/values.ts';
import { view } from '../objects/views.ts';
import { Compacted, type Freshness, RevisionAhead } from '../store/store.ts';
import { type ContinueToken, decodeContinue, encodeContinue, expiredContinue } from './continuetoken.ts';
import { contextOf, type Exchange, send, sendStatus } from './exchange.ts';
import { type ListItem, listForm } from './listform.ts';
import { ListWriter } from './listwriter.ts';
import { type ListOptions, listOptions, refuseExport, revisionOf } from './options.ts';
import {
  apiVersionOf,
  type Offered,
  type Rendering,
  rendered,
  renderingOf,
  servedJson,
  withoutType,
} from './representation.ts';
import { bytesOf, scan } from './scan.ts';
import { narrowed, type Selection, selectionOf, selects, selectsLabels, selectsName } from './selectors.ts';
import { successStatus } from './status.ts';
import type { ListMetadata } from './table.ts';

/** Answers a GET of one object. @throws {DomainError} NotFound, and what the resource's own rules throw. */
export async function getObject(
  exchange: Exchange,
  resource: Resource,
  namespace: string,
  name: string,
  offered: Offered = {},
): Promise<void> {
  const { services, query } = exchange;
  refuseExport(query.get('export'));
  const how = renderingOf(exchange, offered);
  if (!resource.kept) {
    const answer = await computedOf(resource, 'get').get(contextOf(exchange), namespace, name);
    sendAnswer(exchange, 200, resource, resource.kind, answer, how);
    return;
  }
  const virtual = resource.kept.virtual && (await resource.kept.virtual(contextOf(exchange), name));
  if (virtual) {
    sendAnswer(exchange, 200, resource, resource.kind, { object: () => virtual }, how);
    return;
  }
  const fresh = freshOf(revisionOf(query.get('resourceVersion') ?? ''));
  if (resource.kept.composition && fresh === 'latest' && isPlain(how)) {
    send(exchange, 200, how.contentType, await composedView(exchange, resource, namespace, name));
    return;
  }
  const kept = await readKept(services.store, resource, namespace, name, fresh).catch(aheadOf(fresh));
  if (!kept) throw notFound(resource, name);
  sendKept(exchange, 200, resource, kept, how);
}

/** Answers a GET of a subresource. Throws as `getObject`. */
export async function getSubresource(
  exchange: Exchange,
  resource: Resource,
  subresource: Subresource,
  namespace: string,
  name: string,
): Promise<void> {
  const { lists, tableless = false } = subresource;
  if (lists) {
    const includes = (object: KubeObject): boolean => lists.includes(object);
    return listObjects(exchange, lists.resource, namespace, { includes, tableless });
  }
  if (!subresource.get) return getObject(exchange, resource, namespace, name, { tableless });
  const how = renderingOf(exchange, { tableless: true });
  const answer = await subresource.get(contextOf(exchange), namespace, name);
  sendAnswer(exchange, 200, resource, subresource.kind, answer, how);
}

type Computed = NonNullable<Resource['computed']>;

/** A computed resource's functions, with that of a verb; its absence is a mistake of the program. */
export function computedOf<V extends keyof Computed>(resource: Resource, verb: V): Required<Pick<Computed, V>> {
  const { computed } = resource;
  if (!computed || !offers(computed, verb)) {
    throw new Error(`${resource.resource} offers ${verb} but has no function for it`);
  }
  return computed;
}

function offers<V extends keyof Computed>(
  computed: Computed,
  verb: V,
): computed is Computed & Required<Pick<Computed, V>> {
  return computed[verb] !== undefined;
}

/** What a patch of a computed object is applied to. Throws as the resource's own functions. */
export async function baseOf(resource: Resource, ctx: Context, namespace: string, name: string): Promise<KubeObject> {
  if (resource.computed?.patchBase) return resource.computed.patchBase(ctx, namespace, name);
  const answer = await computedOf(resource, 'get').get(ctx, namespace, name);
  return answer.object();
}

/** An object of several keys, put together once for as long as its head stands. Throws as `getObject`. */
function composedView({ services }: Exchange, resource: Resource, namespace: string, name: string): Promise<Buffer> {
  const key = keyOf(resource, namespace, name);
  return view(services.store, `kept ${key}`, async () => {
    const kept = await readKept(services.store, resource, namespace, name);
    if (!kept) throw notFound(resource, name);
    const bytes = served(resource, services.settings, kept);
    return { bytes, sources: [{ key, revision: kept.head.revision }] };
  });
}

/** Whether it is served as it is kept. */
function isPlain(how: Rendering): boolean {
  return how.form === 'object' && how.encoding === 'json' && !how.pretty;
}

function sendKept(exchange: Exchange, code: number, resource: Resource, kept: KeptObject, how: Rendering): void {
  const { settings } = exchange.services;
  if (isPlain(how)) {
    send(exchange, code, how.contentType, served(resource, settings, kept));
    return;
  }
  const shown = { served: () => served(resource, settings, kept), object: () => parsed(resource, settings, kept) };
  send(
    exchange,
    code,
    how.contentType,
    rendered(resource, shown, how, () => exchange.services.now()),
  );
}

/** Sends a computed object; its kind is the resource's unless it says so itself. */
export function sendAnswer(
  exchange: Exchange,
  code: number,
  resource: Resource,
  kind: string,
  answer: Answer<KubeObject>,
  how: Rendering,
): void {
  const shown = {
    object: answer.object,
    served: () => {
      if (answer.served) return answer.served;
      const object = answer.object();
      return servedJson(object.kind ?? kind, object.apiVersion ?? apiVersionOf(resource), object);
    },
  };
  send(
    exchange,
    code,
    how.contentType,
    rendered(resource, shown, how, () => exchange.services.now()),
  );
}

/** Unset is the latest, 0 whatever is at hand, n not older than n. */
function freshOf(revision: number | undefined): Freshness {
  if (revision === undefined) return 'latest';
  return revision === 0 ? 'any' : { notOlderThan: revision };
}

/** Says which version was asked for, which the store's own error does not. */
function aheadOf(fresh: Freshness): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof RevisionAhead) || typeof fresh !== 'object') throw error;
    const asked = 'exactly' in fresh ? fresh.exactly : fresh.notOlderThan;
    throw new DomainError({ reason: 'ResourceVersionTooLarge', asked, current: error.current });
  };
}

/** What a list leaves out, and how it cannot be shown. */
interface ListLimits {
  /** Takes only some of the objects. */
  readonly includes?: (object: KubeObject) => boolean;
  readonly tableless?: boolean;
}

/**
 * Answers a GET of a collection.
 * @throws {DomainError} BadRequest and Invalid for options, Expired for snapshots that are gone.
 */
export async function listObjects(
  exchange: Exchange,
  resource: Resource,
  namespace: string,
  { includes, tableless = false }: ListLimits = {},
): Promise<void> {
  const options = listOptions(exchange.query, false);
  const how = renderingOf(exchange, { list: true, tableless });
  const asked = selectionOf(resource, options);
  const selection = includes ? narrowed(asked, includes) : asked;
  if (!resource.kept) {
    // They have neither versions nor pages, but what cannot be read is refused all the same.
    if (!listRevision(options) && options.continue) decodeContinue('', options.continue);
    const fresh = listFreshness({ ...options, limit: 0 }, undefined);
    return listComputed(exchange, resource, namespace, selection, how, fresh).catch(snapshotGone(fresh));
  }
  const { prefix } = keptOf(resource);
  const token = options.continue ? decodeContinue(prefix, options.continue) : undefined;
  const fresh = listFreshness(options, token);
  await listKept(exchange, resource, namespace, selection, how, { options, token, fresh }).catch((error) => {
    if (token && error instanceof Compacted) throw expiredContinue(prefix, token);
    return snapshotGone(fresh)(error);
  });
}

/** Says that a snapshot is gone or not there yet, as clients are told. */
function snapshotGone(fresh: Freshness): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Compacted)) return aheadOf(fresh)(error);
    throw new DomainError({ reason: 'Expired', message: 'The resourceVersion for the provided list is too old.' });
  };
}

/** The version that a list names. */
function listRevision({ resourceVersion }: ListOptions): number | undefined {
  try {
    return revisionOf(resourceVersion);
  } catch (error) {
    throw isProblem(error, 'BadRequest') ? badRequest(`invalid resource version: ${error.message}`) : error;
  }
}

function listFreshness(options: ListOptions, token: ContinueToken | undefined): Freshness {
  const revision = listRevision(options);
  if (token) {
    if (revision) throw badRequest('specifying resource version is not allowed when using continue');
    return token.revision === undefined ? 'latest' : { exactly: token.revision };
  }
  if (!revision) return freshOf(revision);
  // A page that names a version and no match means exactly that version, as kube-apiserver has always read it.
  const exact = options.resourceVersionMatch === 'Exact' || (options.resourceVersionMatch === '' && options.limit > 0);
  return exact ? { exactly: revision } : { notOlderThan: revision };
}

interface ListPlan {
  readonly options: ListOptions;
  readonly token: ContinueToken | undefined;
  readonly fresh: Freshness;
}

/** A list of whatever is at hand is whole, as it comes out of the cache of the reference: a limit does not count. */
function limitOf({ limit, resourceVersion }: ListOptions, token: ContinueToken | undefined): number {
  return resourceVersion === '0' && !token ? 0 : limit;
}

async function listKept(
  exchange: Exchange,
  resource: Resource,
  namespace: string,
  selection: Selection,
  how: Rendering,
  { options, token, fresh }: ListPlan,
): Promise<void> {
  const { services } = exchange;
  const limit = limitOf(options, token);
  const pages = scan(services, resource, namespace, selection, { fresh, limit, ...(token && { after: token.after }) });
  const form = listForm(resource, how, services.now());
  const items = (objects: readonly KeptObject[]): ListItem[] =>
    objects.map((kept) => itemOf(resource, services.settings, kept));
  if (limit > 0) {
    const page = await limitedPage(keptOf(resource).prefix, pages, limit, selection.all);
    const writer = new ListWriter(exchange, form, how.contentType, page.metadata);
    await writer.add(items(page.objects));
    writer.end();
    return;
  }
  let writer: ListWriter | undefined;
  for await (const page of pages) {
    writer ??= new ListWriter(exchange, form, how.contentType, { resourceVersion: String(page.revision) });
    await writer.add(items(page.selected));
  }
  writer?.end();
}

/** Bytes are made when the item is written, so that what waits is what the store gave. */
function itemOf(resource: Resource, settings: Exchange['services']['settings'], kept: KeptObject): ListItem {
  return {
    item: () => served(resource, settings, kept, 'item'),
    object: () => parsed(resource, settings, kept),
  };
}

interface LimitedPage {
  readonly objects: readonly KeptObject[];
  readonly metadata: ListMetadata;
}

/**
 * As many objects as the limit says, or fewer where they come to LIST_PAGE_BYTES: a server may always give fewer. There is
 * a next page only if something is selected that belongs to it, as in kube-apiserver's cache.
 */
async function limitedPage(
  prefix: string,
  pages: ReturnType<typeof scan>,
  limit: number,
  all: boolean,
): Promise<LimitedPage> {
  const objects: KeptObject[] = [];
  let bytes = 0;
  let revision = 0;
  let next: LimitedPage | undefined;
  for await (const page of pages) {
    revision = page.revision;
    for (const kept of page.selected) {
      if (next) return next;
      objects.push(kept);
      bytes += bytesOf(kept);
      if (objects.length < limit && bytes < LIST_PAGE_BYTES) continue;
      const unseen = page.seen.length - 1 - page.seen.indexOf(kept);
      const after = kept.parts.at(-1)?.key ?? kept.head.key;
      const remaining = page.remaining === undefined ? undefined : page.remaining + unseen;
      const metadata = {
        resourceVersion: String(revision),
        continue: encodeContinue(prefix, { revision, after }),
        ...(remaining !== undefined && { remainingItemCount: remaining }),
      };
      next = { objects, metadata };
      if (all && (unseen > 0 || page.next !== undefined)) return next;
    }
  }
  return { objects, metadata: { resourceVersion: String(revision) } };
}

/** Computed lists have no version and no pages; OpenShift's have neither. */
async function listComputed(
  exchange: Exchange,
  resource: Resource,
  namespace: string,
  selection: Selection,
  how: Rendering,
  fresh: Freshness,
): Promise<void> {
  const matchesLabels = (labels: Readonly<Record<string, string>> | undefined): boolean =>
    selectsLabels(selection, labels);
  const ctx = contextOf(exchange);
  if (resource.computed?.inquire) {
    await resource.computed.inquire(ctx);
    return sendStatus(exchange, 200, successStatus());
  }
  // A watch goes on from there: it must not be later than what is listed.
  const revision = resource.watched && (await exchange.services.store.revision());
  const objects = await computedOf(resource, 'list').list(ctx, namespace || undefined, {
    matchesLabels,
    matchesName: (within, name) => selectsName(selection, within, name),
    fresh,
  });
  const form = listForm(resource, how, exchange.services.now());
  const metadata = revision === undefined ? {} : { resourceVersion: String(revision) };
  const writer = new ListWriter(exchange, form, how.contentType, metadata);
  const chosen = objects.filter((object) => selects(selection, object));
  await writer.add(chosen.map(computedItem));
  writer.end();
}

/** An item of a list out of an object that is at hand. */
export function computedItem(object: KubeObject): ListItem {
  const item = (): Buffer => Buffer.from(JSON.stringify({ metadata: object.metadata, ...withoutType(object) }));
  return { object: () => object, item };
}
