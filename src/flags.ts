/** The flags of `headgate serve`: one table, from which parsing, the environment, the file and the help text follow. */

export interface Flag {
  /** As in `--name`; also the key in the file, and in capitals with `HEADGATE_` the variable. */
  readonly name: string;
  readonly kind: 'text' | 'number' | 'boolean' | 'list';
  /** What stands for the value in the help text. */
  readonly value?: string;
  readonly initial?: string | boolean;
  readonly help: string;
  /** The only values that are allowed. */
  readonly choices?: readonly string[];
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LOG_FORMATS = ['pretty', 'json'] as const;

const FLAGS = [
  { name: 'config', kind: 'text', value: 'FILE', help: 'YAML file with any of these settings, named as the flags' },
  { name: 'data', kind: 'text', value: 'DIR', initial: './headgate-data', help: 'folder of everything that is kept' },
  {
    name: 'listen',
    kind: 'text',
    value: 'HOST:PORT',
    initial: '127.0.0.1:8443',
    help: 'HTTPS: API and registry; port 0 takes a free one',
  },
  {
    name: 'registry-listen',
    kind: 'text',
    value: 'HOST:PORT|off',
    initial: '127.0.0.1:5000',
    help: 'plain HTTP: registry only',
  },
  {
    name: 'registry-insecure',
    kind: 'boolean',
    initial: false,
    help: 'allow --registry-listen on an address that others can reach: passwords then cross the network in the clear',
  },
  {
    name: 'registry-host',
    kind: 'text',
    value: 'NAME',
    help: 'host of status.dockerImageRepository (default: where the registry listens)',
  },
  {
    name: 'registry-public-host',
    kind: 'text',
    value: 'NAME',
    help: 'host of status.publicDockerImageRepository (default: none)',
  },
  {
    name: 'disable-http2-serving',
    kind: 'boolean',
    initial: false,
    help: 'speak HTTP/1.1 only, where a proxy in front or a client cannot do with HTTP/2',
  },
  {
    name: 'workers',
    kind: 'number',
    value: 'N',
    initial: '1',
    help: 'processes that serve together; one that dies is replaced (docs/workers.md)',
  },
  {
    name: 'tls-san',
    kind: 'list',
    value: 'NAME,…',
    help: "further DNS names and IP addresses for the server's certificate",
  },
  {
    name: 'store',
    kind: 'text',
    value: 'URL',
    initial: 'sqlite:',
    help: 'where objects are kept: sqlite:[FILE] (under DATA), or etcd://HOST:PORT,…/PREFIX (docs/etcd.md)',
  },
  {
    name: 'blobs',
    kind: 'text',
    value: 'URL',
    initial: 'file:',
    help: 'where image content is kept: file:[DIR] (default: under DATA), or s3://BUCKET/PREFIX?endpoint=URL',
  },
  {
    name: 'htpasswd',
    kind: 'text',
    value: 'FILE',
    help: 'users and their passwords, as "headgate user" or htpasswd -B writes them (default: htpasswd under DATA)',
  },
  {
    name: 'oidc-issuer-url',
    kind: 'text',
    value: 'URL',
    help: "accept the tokens of this OpenID Connect provider; these flags are kube-apiserver's",
  },
  { name: 'oidc-client-id', kind: 'text', value: 'ID', help: 'for whom its tokens must be made (aud)' },
  {
    name: 'oidc-username-claim',
    kind: 'text',
    value: 'CLAIM',
    initial: 'sub',
    help: 'the claim that is the name of the user',
  },
  {
    name: 'oidc-username-prefix',
    kind: 'text',
    value: 'TEXT',
    help: 'put before names, - for nothing (default: the URL and #, unless the claim is email)',
  },
  { name: 'oidc-groups-claim', kind: 'text', value: 'CLAIM', help: 'the claim that holds groups (default: none)' },
  { name: 'oidc-groups-prefix', kind: 'text', value: 'TEXT', help: 'put before groups' },
  { name: 'oidc-required-claim', kind: 'list', value: 'CLAIM=VALUE,…', help: 'claims that tokens must have' },
  {
    name: 'oidc-signing-algs',
    kind: 'list',
    value: 'ALG,…',
    help: 'how its tokens may be signed (default: RS256)',
  },
  { name: 'oidc-ca-file', kind: 'text', value: 'FILE', help: "authorities of its certificate (default: the system's)" },
  {
    name: 'gc-interval',
    kind: 'text',
    value: 'DURATION|off',
    initial: '1h',
    help: 'how often content is deleted to which nothing leads any more; 90s, 10m, 1h, 7d',
  },
  {
    name: 'gc-grace',
    kind: 'text',
    value: 'DURATION',
    initial: '24h',
    help: 'how long such content is kept before',
  },
  {
    name: 'gc-lease',
    kind: 'text',
    value: 'DURATION',
    initial: '1h',
    help: 'how long uploaded layers stay while no image names them',
  },
  {
    name: 'auto-namespaces',
    kind: 'boolean',
    initial: true,
    help: 'a push makes its namespace if there is none',
  },
  {
    name: 'import-allow-private',
    kind: 'boolean',
    initial: false,
    help: 'imports may also reach loopback and link-local addresses',
  },
  { name: 'import-deny', kind: 'list', value: 'CIDR,…', help: 'networks that imports may not reach' },
  {
    name: 'import-registries',
    kind: 'list',
    value: 'PATTERN,…',
    help: 'registries that images may come from, as [http://]HOST[:PORT] with * and ? (default: any)',
  },
  {
    name: 'audit-log',
    kind: 'text',
    value: 'FILE|-|off',
    help: 'a line for each write, refusal and failed login; - is standard output (default: audit.log under DATA)',
  },
  {
    name: 'log-level',
    kind: 'text',
    value: 'LEVEL',
    initial: 'info',
    choices: LOG_LEVELS,
    help: LOG_LEVELS.join(', '),
  },
  {
    name: 'log-format',
    kind: 'text',
    value: 'FORMAT',
    initial: 'pretty',
    choices: LOG_FORMATS,
    help: LOG_FORMATS.join(' or '),
  },
] as const satisfies readonly Flag[];

export type FlagName = (typeof FLAGS)[number]['name'];

/** A flag as the table's readers see it, whatever its row leaves out. */
export const ALL_FLAGS: readonly (Flag & { readonly name: FlagName })[] = FLAGS;

/** The environment's variable for a flag. */
export function variableOf(name: string): string {
  return `HEADGATE_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The lines of the help text. */
export function flagHelp(): string {
  const rows = ALL_FLAGS.map((flag) => ({ left: leftOf(flag), right: rightOf(flag) }));
  const width = Math.max(...rows.map((row) => row.left.length));
  return rows.map((row) => `  ${row.left.padEnd(width)}  ${row.right}`).join('\n');
}

function leftOf(flag: Flag): string {
  if (flag.kind === 'boolean') return flag.initial === true ? `--[no-]${flag.name}` : `--${flag.name}`;
  return `--${flag.name} ${flag.value}`;
}

function rightOf(flag: Flag): string {
  if (flag.kind === 'boolean') return flag.initial === true ? `${flag.help} (default: yes)` : flag.help;
  return flag.initial === undefined ? flag.help : `${flag.help} (default: ${flag.initial})`;
}
