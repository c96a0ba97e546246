/** Discovery: which groups, versions and resources there are, in the old form and in the aggregated one. */
import { createHash } from 'node:crypto';
import type { Resource, Subresource } from '../objects/resource.ts';
import { acceptClauses, negotiate, takes } from './negotiate.ts';
import { yamlText } from './yaml.ts';

/** An answer that stands ready. */
export interface Prebuilt {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Discovery {
  /**
   * The answer to a GET of a path of discovery (with or without a slash at its end), or undefined for any other path:
   * what looks like discovery but is not there is the caller's to refuse.
   * @throws {DomainError} NotAcceptable.
   */
  answer(path: string, accept: string | undefined, ifNoneMatch?: string): Prebuilt | undefined;
}

/** Discovery of these resources, built now. */
export function discovery(resources: readonly Resource[]): Discovery {
  const groups = groupsOf(resources);
  const plain = new Map<string, object>();
  const core = groups.find(({ name }) => name === '');
  const named = groups.filter(({ name }) => name !== '');
  plain.set('/api', {
    kind: 'APIVersions',
    versions: core ? core.versions.map(({ version }) => version) : [],
    serverAddressByClientCIDRs: [],
  });
  plain.set('/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupEntry) });
  for (const group of groups) {
    if (group.name) plain.set(`/apis/${group.name}`, { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) });
    for (const version of group.versions) plain.set(pathOf(group.name, version.version), resourceList(group, version));
  }
  const documents = new Map([...plain].map(([path, object]) => [path, documentOf(object, 'application/json')]));
  const aggregated = new Map<string, ReadonlyMap<string, DiscoveryDocument>>();
  aggregated.set('/api', aggregatedDocuments(core ? [core] : []));
  aggregated.set('/apis', aggregatedDocuments(named));
  return {
    answer(path, accept, ifNoneMatch) {
      const key = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
      const document = documents.get(key);
      if (!document) return undefined;
      const forms = aggregated.get(key);
      const chosen = forms && accept ? aggregatedForm(accept, forms) : undefined;
      if (chosen) return taggedAnswer(chosen, ifNoneMatch);
      return negotiate(accept, { plain: true }).encoding === 'yaml' ? yamlAnswer(document) : document.answer;
    },
  };
}

/** The URL under which a version of a group is served. */
export function pathOf(group: string, version: string): string {
  return group ? `/apis/${group}/${version}` : `/api/${version}`;
}

interface Version {
  readonly version: string;
  readonly resources: readonly Resource[];
}

/** A group and its versions, the preferred one first. */
interface Group {
  readonly name: string;
  readonly versions: readonly Version[];
}

/** The groups of the resources in the order of their names, '' first; versions in Kubernetes' order (v1, v1beta1). */
export function groupsOf(resources: readonly Resource[]): Group[] {
  const groups = Map.groupBy(resources, ({ group }) => group);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, members]) => {
      const versions = [...Map.groupBy(members, ({ version }) => version)]
        .sort(([a], [b]) => byMaturity(a, b))
        .map(([version, list]) => ({
          version,
          resources: list.toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
        }));
      return { name, versions };
    });
}

const VERSION = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

/** Stable before beta before alpha, the highest first. */
function byMaturity(a: string, b: string): number {
  const rank = (version: string): number[] => {
    const [, major = '0', stage, minor = '0'] = VERSION.exec(version) ?? [];
    return [stage === undefined ? 2 : stage === 'beta' ? 1 : 0, Number(major), Number(minor)];
  };
  const [left, right] = [rank(a), rank(b)];
  for (const [index, value] of right.entries()) {
    const difference = value - (left[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : 1;
}

function groupEntry(group: Group): object {
  const versions = group.versions.map(({ version }) => ({ groupVersion: `${group.name}/${version}`, version }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

function resourceList(group: Group, version: Version): object {
  const groupVersion = group.name ? `${group.name}/${version.version}` : version.version;
  const entries = version.resources.flatMap((resource) => [resourceEntry(resource), ...subresourceEntries(resource)]);
  return { kind: 'APIResourceList', ...(group.name && { apiVersion: 'v1' }), groupVersion, resources: entries };
}

function resourceEntry(resource: Resource): object {
  return {
    name: resource.resource,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...(resource.shortNames && { shortNames: resource.shortNames }),
    ...(resource.categories && { categories: resource.categories }),
    ...(resource.kept && { storageVersionHash: storageVersionHash(resource) }),
  };
}

/** Opaque to clients; Kubernetes makes it like this of the version that is stored. */
function storageVersionHash({ group, version, kind }: Resource): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}

function sortedSubresources(resource: Resource): readonly Subresource[] {
  return (resource.subresources ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function subresourceEntries(resource: Resource): object[] {
  return sortedSubresources(resource).map((sub) => {
    const api = apiOfSubresource(resource, sub);
    const foreign = api.group !== resource.group;
    return {
      name: `${resource.resource}/${sub.name}`,
      singularName: '',
      namespaced: resource.namespaced,
      ...(foreign && { group: api.group, version: api.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    };
  });
}

/** Group and version of what a subresource answers. */
export function apiOfSubresource(
  { group, version }: Resource,
  sub: Subresource,
): { readonly group: string; readonly version: string } {
  return sub.api ?? { group, version };
}

interface DiscoveryDocument {
  readonly answer: Prebuilt;
  readonly object: object;
  yaml?: Prebuilt;
}

function documentOf(object: object, contentType: string, headers: Record<string, string> = {}): DiscoveryDocument {
  const body = Buffer.from(`${JSON.stringify(object)}\n`);
  return { object, answer: { status: 200, headers: { 'content-type': contentType, ...headers }, body } };
}

function yamlAnswer(document: DiscoveryDocument): Prebuilt {
  document.yaml ??= {
    status: 200,
    headers: { 'content-type': 'application/yaml' },
    body: Buffer.from(yamlText(document.object, { lineWidth: 0 })),
  };
  return document.yaml;
}

/** The aggregated forms by version of apidiscovery.k8s.io. */
function aggregatedDocuments(groups: readonly Group[]): Map<string, DiscoveryDocument> {
  const items = groups.map((group) => ({
    metadata: group.name ? { name: group.name } : {},
    versions: group.versions.map(({ version, resources }) => ({
      version,
      resources: resources.map((resource) => aggregatedResource(resource)),
      freshness: 'Current',
    })),
  }));
  return new Map(
    ['v2', 'v2beta1'].map((version) => {
      const list = { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
      const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
      const etag = `"${createHash('sha512').update(JSON.stringify(list)).digest('hex').toUpperCase()}"`;
      return [version, documentOf(list, type, { etag, vary: 'Accept', 'cache-control': 'public' })];
    }),
  );
}

function aggregatedResource(resource: Resource): object {
  const { group, version, kind } = resource;
  const subresources = sortedSubresources(resource).map((sub) => ({
    subresource: sub.name,
    responseKind: { ...apiOfSubresource(resource, sub), kind: sub.kind },
    verbs: sub.verbs,
  }));
  return {
    resource: resource.resource,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames && { shortNames: resource.shortNames }),
    ...(resource.categories && { categories: resource.categories }),
    ...(subresources.length > 0 && { subresources }),
  };
}

/** The aggregated form that is wanted most; undefined if the old one is. */
function aggregatedForm(accept: string, forms: ReadonlyMap<string, DiscoveryDocument>): DiscoveryDocument | undefined {
  for (const clause of acceptClauses(accept)) {
    if (!takes(clause, 'application', 'json')) continue;
    const as = clause.parameters.get('as');
    if (as === undefined) return undefined;
    const known = as === 'APIGroupDiscoveryList' && clause.parameters.get('g') === 'apidiscovery.k8s.io';
    const form = known ? forms.get(clause.parameters.get('v') ?? '') : undefined;
    if (form) return form;
  }
  return undefined;
}

function taggedAnswer({ answer }: DiscoveryDocument, ifNoneMatch: string | undefined): Prebuilt {
  if (!ifNoneMatch || !matchesTag(ifNoneMatch, answer.headers.etag ?? '')) return answer;
  const { 'content-type': _contentType, ...headers } = answer.headers;
  return { status: 304, headers, body: Buffer.alloc(0) };
}

/** Whether an If-None-Match header names the tag. */
export function matchesTag(ifNoneMatch: string, tag: string): boolean {
  return ifNoneMatch.split(',').some((text) => {
    const given = text.trim().replace(/^W\//, '');
    return given === '*' || given === tag || `"${given}"` === tag;
  });
}
