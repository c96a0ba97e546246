/**
 * Paths of the OCI distribution API, and OpenShift's own beside it. They are read from the right: names hold slashes, and their parts may be called
 * `blobs`, `manifests` or `tags` as well.
 */

/** What a path is about. `last` is its last part (tag, digest or upload id), not yet checked; '' where there is none. */
export interface Route {
  readonly kind: RouteKind;
  /** The repository's name as it was asked for; not yet checked. */
  readonly name: string;
  readonly last: string;
}

/** The kinds of routes that are about one repository. */
export type RepositoryRoute = 'manifest' | 'blob' | 'uploads' | 'upload' | 'tags' | 'referrers' | 'signatures';
export type RouteKind = RepositoryRoute | 'ping' | 'catalog' | 'token' | 'pruned' | 'metrics' | 'none';

export const TOKEN_PATH = '/openshift/token';

const ROOT = '/v2/';
/** OpenShift's own: signatures and metrics. */
const EXTENSIONS = '/extensions/v2/';
/** OpenShift's own: content that `oc adm prune images` deletes. */
const PRUNED = '/admin/blobs/';
const PING: Route = { kind: 'ping', name: '', last: '' };
const CATALOG: Route = { kind: 'catalog', name: '', last: '' };
const TOKEN: Route = { kind: 'token', name: '', last: '' };
const NONE: Route = { kind: 'none', name: '', last: '' };

/** What the path of a request (without its query) is about; `none` if nothing is there. */
export function parseRoute(path: string): Route {
  const plain = path.includes('%') ? decoded(path) : path;
  if (plain === undefined) return NONE;
  if (!plain.startsWith(ROOT)) {
    if (plain === '/v2') return PING;
    return plain === TOKEN_PATH ? TOKEN : openshiftRoute(plain);
  }
  if (plain.length === ROOT.length) return PING;
  if (plain === '/v2/_catalog') return CATALOG;
  return repositoryRoute(plain);
}

/** Whether the registry answers a path; the other parts of the server answer the rest. */
export function isRegistryPath(path: string): boolean {
  const own = path.startsWith(ROOT) || path.startsWith(EXTENSIONS) || path.startsWith(PRUNED);
  return own || path === '/v2' || path === TOKEN_PATH;
}

function openshiftRoute(path: string): Route {
  if (path === `${EXTENSIONS}metrics`) return { kind: 'metrics', name: '', last: '' };
  if (path.startsWith(PRUNED)) return { kind: 'pruned', name: '', last: path.slice(PRUNED.length) };
  const [, name = '', last = ''] = /^\/extensions\/v2\/(.+)\/signatures\/([^/]+)$/.exec(path) ?? [];
  return name === '' ? NONE : { kind: 'signatures', name, last };
}

/** Some clients write the colon of a digest as %3A. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function repositoryRoute(path: string): Route {
  const slash = path.lastIndexOf('/');
  const last = path.slice(slash + 1);
  const before = path.lastIndexOf('/', slash - 1);
  switch (path.slice(before + 1, slash)) {
    case 'manifests':
      return last === '' ? NONE : route('manifest', path, before, last);
    case 'blobs':
      if (last === 'uploads') return route('uploads', path, before, '');
      return last === '' ? NONE : route('blob', path, before, last);
    case 'uploads':
      if (!path.endsWith('/blobs', before)) return NONE;
      return route(last === '' ? 'uploads' : 'upload', path, before - '/blobs'.length, last);
    case 'tags':
      return last === 'list' ? route('tags', path, before, '') : NONE;
    case 'referrers':
      return last === '' ? NONE : route('referrers', path, before, last);
    default:
      return NONE;
  }
}

function route(kind: RepositoryRoute, path: string, end: number, last: string): Route {
  return end <= ROOT.length ? NONE : { kind, name: path.slice(ROOT.length, end), last };
}
