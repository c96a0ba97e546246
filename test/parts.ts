/**
 * The real programs that tests run against: where they are, and how to get those that are missing. Tests ask `part()`
 * for a path; `test/run.ts` calls `getParts()` before any test runs, so that a test finds everything at hand.
 */
import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where parts are kept that do not come with the system; git ignores it. */
const CACHE = fileURLToPath(new URL('../.parts', import.meta.url));

const TESTS = fileURLToPath(new URL('.', import.meta.url));
/** Characters of the hash of sources in the name of what is built of them. */
const HASH_CHARACTERS = 12;

/** Kubernetes' own module, of which kubectl is built where there is none. Its Go toolchain comes with the modules. */
const KUBERNETES = 'v1.37.2';
/** The oldest kubectl that tests are written for: server-side apply, OpenAPI v3, aggregated discovery. */
const KUBECTL_MINOR = 30;
/** Downloads what is named by address and hash. */
const APT_HELPER = '/usr/lib/apt/apt-helper';
/** The oldest Go that fetches the toolchain that a module asks for. */
const GO_MINOR = 21;

interface Need {
  /**
   * How it comes: installed as a Debian package, unpacked from one (nothing is started, no root), built from a Go
   * module that is a program (`go`; `require` where its go.mod holds replacements, which only other modules may have),
   * built from Go sources of this repository (`source`), or, where a module takes more than that, by a function of this
   * file (`build`).
   */
  readonly from: 'install' | 'unpack' | 'go' | 'require' | 'source' | 'build';
  /** The Debian package. */
  readonly package?: string;
  /** The program's path inside the package. */
  readonly file?: string;
  /** The Go package and its version: `PATH@VERSION`. */
  readonly module?: string;
  /** A Debian package of another release, of which it is unpacked; if that is not to be had (any more), it is built. */
  readonly archive?: { readonly url: string; readonly sha256: string };
  /** The folder of Go sources, from this one. */
  readonly folder?: string;
  /** A variable of the environment that may name the program to take, whatever its version. */
  readonly variable?: string;
  /** Whether a program of this name will do. */
  readonly suits?: (path: string) => boolean;
  /** What needs it; tests if that is not said. */
  readonly for?: Purpose;
}

/** What parts are got for: `peers` are measured beside the others where they can be had. */
type Purpose = 'tests' | 'bench' | 'peers';

const NEEDS = {
  skopeo: { from: 'install', package: 'skopeo' },
  podman: { from: 'install', package: 'podman' },
  buildah: { from: 'install', package: 'buildah' },
  umoci: { from: 'install', package: 'umoci' },
  // The package would start a registry on port 5000, which is Headgate's own.
  'docker-registry': { from: 'unpack', package: 'docker-registry', file: 'usr/bin/docker-registry' },
  // The package would start its daemon.
  containerd: { from: 'unpack', package: 'containerd', file: 'usr/bin/containerd' },
  ctr: { from: 'unpack', package: 'containerd', file: 'usr/bin/ctr' },
  busybox: { from: 'unpack', package: 'busybox-static', file: 'bin/busybox', suits: isStatic },
  kubectl: { from: 'build', suits: isRecentKubectl, variable: 'KUBECTL' },
  crane: { from: 'go', module: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1' },
  // The build takes longer than all others together.
  cosign: {
    from: 'go',
    module: 'github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3',
    archive: {
      url: 'http://deb.debian.org/debian/pool/main/c/cosign/cosign_3.1.1-2_amd64.deb',
      sha256: 'd8622ebffce1d69197288fc030ff06a4c247af5507107f85c5a878870b686b23',
    },
    file: 'usr/bin/cosign',
  },
  oras: { from: 'go', module: 'oras.land/oras/cmd/oras@v1.3.6' },
  helm: { from: 'go', module: 'helm.sh/helm/v4/cmd/helm@v4.3.1' },
  // What programs do with client-go, of the newest Kubernetes, and with OpenShift's typed clients.
  clientgo: { from: 'source', folder: 'conformance/clientgo' },
  // There is no release of it since it was written anew.
  'oci-conformance': {
    from: 'go',
    module: 'github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111',
  },
  // The package would start an etcd on its usual ports.
  etcd: { from: 'unpack', package: 'etcd-server', file: 'usr/bin/etcd' },
  'etcd-3.6': { from: 'require', module: 'go.etcd.io/etcd/server/v3@v3.6.16' },
  // Servers that speak S3's protocol: one keeps a bucket as a folder, one keeps it in memory.
  versitygw: { from: 'go', module: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0' },
  gofakes3: { from: 'go', module: 'github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0' },
  distribution: { from: 'go', module: 'github.com/distribution/distribution/v3/cmd/registry@v3.1.2', for: 'peers' },
  wrk: { from: 'install', package: 'wrk', for: 'bench' },
  curl: { from: 'install', package: 'curl', for: 'bench' },
} as const satisfies Record<string, Need>;

/** A program that tests need. */
export type Part = keyof typeof NEEDS;

const PARTS = Object.keys(NEEDS) as readonly Part[];

/**
 * The path of a part. `busybox` is one that needs no libraries, so that it runs in an otherwise empty image.
 *
 * @throws {Error} that says how to get it, if it is not there.
 */
export function part(name: Part): string {
  const path = find(name);
  if (path === undefined) throw new Error(`${name} is not there. ${howToGet(name)}`);
  return path;
}

/** Whether a part is there. */
export function hasPart(name: Part): boolean {
  return find(name) !== undefined;
}

/**
 * Installs, unpacks or builds the parts that are missing, and tells `say` what it does. Nothing happens if all are there.
 *
 * @throws {Error} that names the parts that could not be got, and how to get each.
 */
export function getParts(say: (line: string) => void, purpose: Purpose = 'tests'): void {
  const wanted = PARTS.filter((name) => {
    const need: Need = NEEDS[name];
    return (need.for ?? 'tests') === purpose || (purpose === 'bench' && name === 'docker-registry');
  });
  const isMissing = (name: Part): boolean => find(name) === undefined;
  const missing = wanted.filter(isMissing);
  if (missing.length === 0) return;
  say(`missing: ${missing.join(', ')}`);
  const debian = missing.filter((name) => NEEDS[name].from === 'install' || NEEDS[name].from === 'unpack');
  if (debian.length > 0 && programOnPath('apt-get')) getFromDebian(debian, say);
  if (missing.includes('kubectl')) buildKubectl(say);
  for (const name of missing) unpackArchive(name, say);
  for (const name of missing.filter((each) => isModule(NEEDS[each]) && isMissing(each))) buildModule(name, say);
  const still = missing.filter(isMissing);
  if (still.length === 0) return;
  const lines = still.map((name) => `  ${name}: ${howToGet(name)}`);
  throw new Error(
    `the ${purpose === 'tests' ? 'tests' : 'benchmarks'} need programs that are not there and could not be got:\n${lines.join('\n')}`,
  );
}

const found = new Map<Part, string>();

function find(name: Part): string | undefined {
  const known = found.get(name);
  if (known !== undefined) return known;
  const { suits, variable }: Need = NEEDS[name];
  const named = variable && process.env[variable];
  const candidates = named ? [named] : [join(CACHE, cachedAs(name)), join(CACHE, name), ...onPath(name)];
  const path = candidates.filter(isExecutable).find((candidate) => Boolean(named) || (suits?.(candidate) ?? true));
  if (path !== undefined) found.set(name, path);
  return path;
}

/** A program of Go is kept with its version, or the hash of its sources, so that another is not taken for it. */
function cachedAs(name: Part): string {
  const { module, folder }: Need = NEEDS[name];
  if (folder !== undefined) return `${name}-${hashOf(join(TESTS, folder))}`;
  return module === undefined ? name : `${name}-${module.slice(module.lastIndexOf('@') + 1)}`;
}

function hashOf(folder: string): string {
  const files = readdirSync(folder).sort();
  const all = files.map((file) => `${file}\n${readFileSync(join(folder, file), 'utf8')}`).join('\n');
  return hash('sha256', all).slice(0, HASH_CHARACTERS);
}

function onPath(name: string): string[] {
  // Sessions of plain users often lack these two, and Go's own installation is on nobody's path.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/go/bin'];
  return folders.filter(Boolean).map((folder) => join(folder, name));
}

function programOnPath(name: string): string | undefined {
  return onPath(name).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isStatic(path: string): boolean {
  const { stdout, stderr } = spawnSync('ldd', [path], { encoding: 'utf8' });
  return /not a dynamic executable|statically linked/.test(`${stdout}${stderr}`);
}

function isRecentKubectl(path: string): boolean {
  const { stdout } = spawnSync(path, ['version', '--client'], { encoding: 'utf8' });
  const [, major, minor] = /v(\d+)\.(\d+)\./.exec(stdout ?? '') ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= KUBECTL_MINOR);
}

function howToGet(name: Part): string {
  const need: Need = NEEDS[name];
  if (need.from === 'build') {
    return `Name kubectl by KUBECTL, or put 1.${KUBECTL_MINOR} or newer on the PATH, or Go 1.${GO_MINOR} or newer (golang-go of Debian 13, or go.dev/dl), with which npm test builds it.`;
  }
  if (need.folder !== undefined) {
    return `Put Go 1.${GO_MINOR} or newer on the PATH, with which npm test builds it from test/${need.folder}.`;
  }
  if (isModule(need)) {
    return `Put ${name} on the PATH, or Go 1.${GO_MINOR} or newer, with which npm test builds it from ${need.module}.`;
  }
  return `On Debian or Ubuntu, as root: apt-get install ${need.package}. Elsewhere, put ${name} on the PATH.`;
}

function getFromDebian(names: readonly Part[], say: (line: string) => void): void {
  const asRoot = process.getuid?.() === 0;
  if (asRoot) run(say, 'apt-get', ['update', '-qq']);
  const packagesOf = (from: Need['from']) =>
    names
      .map((name): Need => NEEDS[name])
      .flatMap((need) => (need.from === from && need.package ? [need.package] : []));
  const install = packagesOf('install');
  if (asRoot && install.length > 0) {
    run(say, 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...install]);
  }
  for (const name of names) {
    const need: Need = NEEDS[name];
    if (need.from === 'unpack' && need.package && need.file) unpack(name, need.package, need.file, say);
  }
}

/** Takes one program out of a Debian package, without installing it. */
function unpack(name: Part, debianPackage: string, file: string, say: (line: string) => void): void {
  inFolder((folder) => {
    run(say, 'apt-get', ['download', '-qq', debianPackage], folder);
    const archive = readdirSync(folder).find((entry) => entry.endsWith('.deb'));
    if (archive) extract(name, archive, file, folder, say);
  });
}

function extract(name: Part, archive: string, file: string, folder: string, say: (line: string) => void): void {
  run(say, 'dpkg-deb', ['--extract', archive, '.'], folder);
  const program = [file, `usr/${file}`].map((path) => join(folder, path)).find((path) => existsSync(path));
  if (program) renameSync(program, join(CACHE, name));
}

/** Takes a program out of the package that its need names, if it names one for this machine. */
function unpackArchive(name: Part, say: (line: string) => void): void {
  const { archive, file }: Need = NEEDS[name];
  if (!archive || !file || process.arch !== 'x64' || !isExecutable(APT_HELPER)) return;
  inFolder((folder) => {
    run(say, APT_HELPER, ['download-file', archive.url, 'part.deb', `SHA256:${archive.sha256}`], folder);
    if (existsSync(join(folder, 'part.deb'))) extract(name, 'part.deb', file, folder, say);
  });
}

function isModule({ from }: Need): boolean {
  return from === 'go' || from === 'require' || from === 'source';
}

/** Builds a program from its Go module. */
function buildModule(name: Part, say: (line: string) => void): void {
  const go = recentGo(say);
  const { module = '', from, folder: sources = '' }: Need = NEEDS[name];
  if (go === undefined) return;
  say(`building ${name} with ${go}; this takes some minutes, once`);
  inFolder((folder) => {
    const env = { GOTOOLCHAIN: 'auto', CGO_ENABLED: '0', GOFLAGS: '', GOBIN: folder };
    const small = ['-trimpath', '-ldflags', '-s -w'];
    if (from === 'go') run(say, go, ['install', ...small, module], folder, env);
    else if (from === 'source') {
      run(say, go, ['build', ...small, '-o', join(folder, 'program'), '.'], join(TESTS, sources), env);
    } else {
      const [path = '', version = ''] = module.split('@');
      writeFileSync(join(folder, 'go.mod'), `module parts\ngo 1.${GO_MINOR}\nrequire ${path} ${version}\n`);
      run(say, go, ['build', '-mod=mod', ...small, '-o', 'program', path], folder, env);
    }
    const program = readdirSync(folder).find((entry) => !entry.startsWith('go.'));
    if (program) renameSync(join(folder, program), join(CACHE, cachedAs(name)));
  });
}

/**
 * Builds kubectl from Kubernetes' own module. Its go.mod points at sibling folders, which are published as modules of
 * their own: v0.37.2 of each goes with v1.37.2.
 */
function buildKubectl(say: (line: string) => void): void {
  const go = recentGo(say);
  if (go === undefined) return;
  say(`building kubectl ${KUBERNETES} with ${go}; this takes some minutes, once`);
  inFolder((folder) => {
    const env = { GOTOOLCHAIN: 'auto', CGO_ENABLED: '0', GOFLAGS: '-mod=mod' };
    writeFileSync(join(folder, 'go.mod'), 'module parts\n');
    const fetched = spawnSync(go, ['mod', 'download', '-json', `k8s.io/kubernetes@${KUBERNETES}`], {
      cwd: folder,
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    const [, goMod = ''] = /"GoMod": "([^"]+)"/.exec(fetched.stdout ?? '') ?? [];
    if (!existsSync(goMod)) {
      say(`k8s.io/kubernetes@${KUBERNETES} could not be fetched: ${(fetched.stderr || fetched.stdout || '').trim()}`);
      return;
    }
    writeFileSync(join(folder, 'go.mod'), goModOf(readFileSync(goMod, 'utf8')));
    const output = join(folder, 'kubectl');
    const args = [
      'build',
      '-trimpath',
      '-ldflags',
      `-s -w ${versionFlags()}`,
      '-o',
      output,
      'k8s.io/kubernetes/cmd/kubectl',
    ];
    run(say, go, args, folder, env);
    if (existsSync(output)) renameSync(output, join(CACHE, 'kubectl'));
  });
}

/** A kubectl that is built without these calls itself v0.0.0. */
function versionFlags(): string {
  const [major, minor] = KUBERNETES.slice(1).split('.');
  const values = { gitVersion: KUBERNETES, gitMajor: major, gitMinor: minor };
  return Object.entries(values)
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
}

/** The go.mod of a module that only requires Kubernetes, given Kubernetes' own. */
function goModOf(kubernetes: string): string {
  const [, goVersion = '1.26'] = /^go (\S+)$/m.exec(kubernetes) ?? [];
  const staging = [...kubernetes.matchAll(/^\s*(k8s\.io\/\S+) v0\.0\.0$/gm)].map(([, name]) => name);
  const version = KUBERNETES.replace('v1.', 'v0.');
  const replacements = staging.map((name) => `replace ${name} => ${name} ${version}`);
  return ['module parts', `go ${goVersion}`, `require k8s.io/kubernetes ${KUBERNETES}`, ...replacements, ''].join('\n');
}

function recentGo(say: (line: string) => void): string | undefined {
  const suits = (go: string | undefined) => {
    if (go === undefined) return false;
    const { stdout } = spawnSync(go, ['version'], { encoding: 'utf8' });
    const [, minor] = /go1\.(\d+)/.exec(stdout ?? '') ?? [];
    return Number(minor) >= GO_MINOR;
  };
  const installed = programOnPath('go');
  if (suits(installed)) return installed;
  if (process.getuid?.() !== 0 || !programOnPath('apt-get')) return undefined;
  run(say, 'apt-get', ['update', '-qq']);
  run(say, 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'golang-go', 'ca-certificates']);
  const now = programOnPath('go');
  return suits(now) ? now : undefined;
}

/** Runs something in a folder beside the cache, so that what comes of it can be renamed into place whole. */
function inFolder(work: (folder: string) => void): void {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'new-'));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a command to its end, with its output shown. That it failed is said; what is then missing, its caller sees. */
function run(say: (line: string) => void, program: string, args: string[], cwd?: string, env = {}): void {
  say(`$ ${program} ${args.join(' ')}`);
  const { status, error } = spawnSync(program, args, {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) say(`${program} failed: ${error?.message ?? `status ${status}`}`);
}
