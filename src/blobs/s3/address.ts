/** What `s3://bucket/prefix?…` says. Credentials are not part of it: the SDK's chain finds them. */

/** Where the blobs are kept, and how to get there. */
export interface S3Address {
  readonly bucket: string;
  /** Before every key: empty, or ending in a slash. */
  readonly prefix: string;
  /** Undefined: what the environment or the SDK's files say, or else AWS. */
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  /** Whether the bucket stands in the path rather than in the host name. */
  readonly pathStyle: boolean;
  /** Path of a file with the authorities to trust, as PEM. */
  readonly ca: string | undefined;
  /** Whether pulls are sent to S3. */
  readonly redirect: boolean;
  /** Whether checksums go along with uploads: some servers refuse them. */
  readonly checksums: boolean;
}

const PARAMETERS = ['endpoint', 'region', 'pathStyle', 'ca', 'redirect', 'checksums'];
/** The form, for messages. */
const FORM =
  's3://BUCKET[/PREFIX][?endpoint=https://HOST:PORT&region=NAME&pathStyle=true&ca=FILE&redirect=true&checksums=false]';
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i;

/** The address, or what is wrong with the text and how it should be. */
export function parseS3Address(text: string): S3Address | { readonly problem: string } {
  const [, authority = '', path = '', query = ''] = /^s3:\/\/([^/?#]*)\/?([^?#]*)(?:\?([^#]*))?$/s.exec(text) ?? [];
  const wrong = (what: string) => ({ problem: `${what}; write ${FORM}` });
  if (authority.includes('@')) {
    return wrong('credentials do not belong in a URL: use AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws');
  }
  if (!BUCKET.test(authority))
    return wrong(authority === '' ? 'the URL names no bucket' : `no bucket is called "${authority}"`);
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) return wrong(`the URL has an unknown parameter "${name}"`);
    if (parameters.getAll(name).length > 1) return wrong(`the URL says ${name} twice`);
  }
  for (const name of ['pathStyle', 'redirect', 'checksums']) {
    const value = parameters.get(name) ?? 'true';
    if (value !== 'true' && value !== 'false') return wrong(`${name} must be true or false, not "${value}"`);
  }
  const endpoint = parameters.get('endpoint') ?? undefined;
  if (endpoint !== undefined && !isEndpoint(endpoint)) {
    return wrong(`the endpoint "${endpoint}" must be http:// or https://, a host and perhaps a port`);
  }
  const prefix = decodePath(path)?.replace(/\/+$/, '');
  if (prefix === undefined || /(?:^|\/)\.{0,2}\/|^\.{1,2}$|\/\.{1,2}$/.test(prefix)) {
    return wrong(`the prefix "${path}" cannot be used`);
  }
  return {
    bucket: authority,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: parameters.get('region') || undefined,
    // AWS wants the bucket in the host name; most other servers are not known under such names.
    pathStyle: (parameters.get('pathStyle') ?? String(endpoint !== undefined)) === 'true',
    ca: parameters.get('ca') || undefined,
    redirect: parameters.get('redirect') === 'true',
    checksums: parameters.get('checksums') !== 'false',
  };
}

/** The address as messages and health checks name it. */
export function nameOf({ bucket, prefix, endpoint }: S3Address): string {
  const name = `s3://${bucket}/${prefix}`.replace(/\/$/, '');
  return endpoint === undefined ? name : `${name} at ${endpoint}`;
}

function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '' && url.pathname === '/';
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
