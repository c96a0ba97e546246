/** `/version`: which Kubernetes this server claims to be. */

/** The minor release whose semantics are implemented; kubectl warns when it is more than one away from its own. */
const KUBERNETES_MAJOR = 1;
const KUBERNETES_MINOR = 35;

export interface BuildFacts {
  /** Headgate's own version, `0.1.0`. */
  readonly version: string;
  /** The commit that was built; '' if it is not known. */
  readonly commit?: string;
  /** RFC 3339; the epoch if it is not known. */
  readonly built?: string;
}

/** Kubernetes' `version.Info`. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' };

/**
 * What `/version` answers. `major` and `minor` are plain numbers, as kubectl's dispatchers and Helm parse them;
 * `gitVersion` is a semantic version without a pre-release, since `v1.35.0-x` would sort before 1.35 in the constraints
 * of Helm charts: what is ours stands in the build metadata.
 */
export function versionInfo(build: BuildFacts): VersionInfo {
  return {
    major: String(KUBERNETES_MAJOR),
    minor: String(KUBERNETES_MINOR),
    gitVersion: `v${KUBERNETES_MAJOR}.${KUBERNETES_MINOR}.0+headgate-${build.version.replace(/[^0-9A-Za-z.-]/g, '-')}`,
    gitCommit: build.commit ?? '',
    gitTreeState: 'clean',
    buildDate: build.built ?? '1970-01-01T00:00:00Z',
    goVersion: `node${process.versions.node}`,
    compiler: 'v8',
    platform: `${process.platform}/${ARCHITECTURES[process.arch] ?? process.arch}`,
  };
}
