/** Platforms of images, and which child of a list a client of another platform gets. */

/** What an entry of an index says about where it runs. Missing parts of operating system and architecture are ''. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

const PART = /^[A-Za-z0-9_.-]+$/;

/** Names that uname and package managers use for Go's architectures. */
const ARCHITECTURES: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
  i386: { architecture: '386' },
  i686: { architecture: '386' },
};

/** The platform that `os/architecture[/variant]` names, or undefined if the text has another form. */
export function parsePlatform(text: string): Platform | undefined {
  const parts = text.split('/');
  const [os = '', given = '', variant] = parts;
  if (parts.length < 2 || parts.length > 3 || !parts.every((part) => PART.test(part))) {
    return undefined;
  }
  const known = Object.hasOwn(ARCHITECTURES, given) ? ARCHITECTURES[given] : undefined;
  const architecture = known?.architecture ?? given;
  const which = variant ?? known?.variant;
  return which === undefined ? { os, architecture } : { os, architecture, variant: which };
}

/** `os/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const base = `${platform.os}/${platform.architecture}`;
  return platform.variant === undefined ? base : `${base}/${platform.variant}`;
}

/**
 * The child of a list that stands for the list where only one image can: the first of the wanted platform, else the first
 * of linux/amd64, else the first at all; undefined of an empty list. Variants are not looked at, as in OpenShift's imports.
 *
 * @param prefer What the user asked for (annotations prefer-os and prefer-arch); '' or nothing stands for `own`.
 * @param own The platform that the server runs on.
 */
export function chooseChild<Child extends { readonly platform?: Platform | undefined }>(
  children: readonly Child[],
  prefer: { readonly os?: string | undefined; readonly architecture?: string | undefined },
  own: Pick<Platform, 'os' | 'architecture'>,
): Child | undefined {
  const first = (os: string, architecture: string): Child | undefined =>
    children.find(
      (child) => (child.platform?.os ?? '') === os && (child.platform?.architecture ?? '') === architecture,
    );
  return first(prefer.os || own.os, prefer.architecture || own.architecture) ?? first('linux', 'amd64') ?? children[0];
}
