/**
 * `dockerImageMetadata` of an Image: what Docker knew of an image, in the two spellings that the API has had.
 * Member names, their order and what is left out are those of openshift/api `image/docker10` and `image/dockerpre012`.
 */
import { decodeFields, type Field, FieldInvalid, field, type Naming } from './fields.ts';
import { isJsonObject, type JsonObject } from './json.ts';

/** The known settings of a container; those that are empty are left out. */
export interface DockerConfig {
  readonly Hostname?: string;
  readonly Domainname?: string;
  readonly User?: string;
  readonly Memory?: number;
  readonly MemorySwap?: number;
  readonly CpuShares?: number;
  readonly Cpuset?: string;
  readonly AttachStdin?: true;
  readonly AttachStdout?: true;
  readonly AttachStderr?: true;
  readonly PortSpecs?: readonly string[];
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Tty?: true;
  readonly OpenStdin?: true;
  readonly StdinOnce?: true;
  readonly Env?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Dns?: readonly string[];
  readonly Image?: string;
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly VolumesFrom?: string;
  readonly WorkingDir?: string;
  readonly Entrypoint?: readonly string[];
  readonly NetworkDisabled?: true;
  readonly SecurityOpts?: readonly string[];
  readonly OnBuild?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
}

/** An image as Docker describes it; what is empty is left out. */
export interface DockerImage {
  readonly Id?: string;
  readonly Parent?: string;
  readonly Comment?: string;
  /** RFC 3339 to the second, UTC. */
  readonly Created?: string;
  readonly Container?: string;
  readonly ContainerConfig?: DockerConfig;
  readonly DockerVersion?: string;
  readonly Author?: string;
  /** Left out if there is none; there may be an empty one. */
  readonly Config?: DockerConfig;
  readonly Architecture?: string;
  /** Bytes of the config and of all distinct layers. */
  readonly Size?: number;
}

/** `dockerImageMetadata` that cannot be read. */
export class MetadataInvalid extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MetadataInvalid';
  }
}

const GROUP = 'image.openshift.io';
const KIND = 'DockerImage';
/** The version that an Image without dockerImageMetadataVersion has. */
export const METADATA_VERSION = '1.0';

const CONFIG: readonly Field[] = [
  field('Hostname', 'string'),
  field('Domainname', 'string'),
  field('User', 'string'),
  field('Memory', 'integer'),
  field('MemorySwap', 'integer'),
  field('CpuShares', 'integer'),
  field('Cpuset', 'string'),
  field('AttachStdin', 'boolean'),
  field('AttachStdout', 'boolean'),
  field('AttachStderr', 'boolean'),
  field('PortSpecs', 'strings'),
  field('ExposedPorts', 'set'),
  field('Tty', 'boolean'),
  field('OpenStdin', 'boolean'),
  field('StdinOnce', 'boolean'),
  field('Env', 'strings'),
  field('Cmd', 'strings'),
  field('Dns', 'strings'),
  field('Image', 'string'),
  field('Volumes', 'set'),
  field('VolumesFrom', 'string'),
  field('WorkingDir', 'string'),
  field('Entrypoint', 'strings'),
  field('NetworkDisabled', 'boolean'),
  field('SecurityOpts', 'strings'),
  field('OnBuild', 'strings'),
  field('Labels', 'labels'),
];

const VERSION_1_0: readonly Field[] = [
  field('Id', 'string'),
  field('Parent', 'string'),
  field('Comment', 'string'),
  field('Created', 'time'),
  field('Container', 'string'),
  field('ContainerConfig', { object: CONFIG }),
  field('DockerVersion', 'string'),
  field('Author', 'string'),
  field('Config', { object: CONFIG }),
  field('Architecture', 'string'),
  field('Size', 'integer'),
];

const OLD_NAMES: Readonly<Record<string, string>> = {
  ContainerConfig: 'container_config',
  DockerVersion: 'docker_version',
};

/** The fields as Docker itself has written them: in version pre012, in image configs and in schema 1. */
export const DOCKER_IMAGE_FIELDS: readonly Field[] = VERSION_1_0.map(({ name, as, shape }) => ({
  name: OLD_NAMES[name] ?? name.toLowerCase(),
  as,
  shape,
}));

const VERSIONS: ReadonlyMap<string, readonly Field[]> = new Map([
  [METADATA_VERSION, VERSION_1_0],
  ['pre012', DOCKER_IMAGE_FIELDS],
]);

/** These are printed even if they are empty. */
const ALWAYS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['Id', ''],
  ['Created', null],
  ['ContainerConfig', {}],
]);

function fieldsOf(version: string, kind = KIND): readonly Field[] {
  const fields = VERSIONS.get(version);
  if (fields === undefined || kind !== KIND) {
    throw new MetadataInvalid(`no kind "${kind}" is registered for version "${GROUP}/${version}"`);
  }
  return fields;
}

/**
 * Reads the fields of an image from a decoded document.
 *
 * @throws {FieldInvalid} if a member has the wrong type.
 */
export function decodeDockerImage(value: unknown, fields: readonly Field[], naming: Naming): DockerImage {
  return decodeFields(value, fields, naming) as DockerImage;
}

/**
 * Reads `dockerImageMetadata` of an Image. Nothing stands for an empty one. An apiVersion inside the document says how it
 * is spelt; without one, `version` does.
 *
 * @throws {MetadataInvalid} for an unknown version or kind, or a member of the wrong type.
 */
export function decodeMetadata(value: unknown, version: string = METADATA_VERSION): DockerImage {
  const outer = fieldsOf(version || METADATA_VERSION);
  if (value === null || value === undefined) {
    return {};
  }
  if (!isJsonObject(value)) {
    throw new MetadataInvalid('dockerImageMetadata must be an object');
  }
  const inner = innerFields(value) ?? outer;
  if (inner !== outer) {
    throw new MetadataInvalid(
      `dockerImageMetadata is not of version ${version || METADATA_VERSION}: unknown conversion`,
    );
  }
  try {
    return decodeDockerImage(value, outer, 'exact');
  } catch (error) {
    throw error instanceof FieldInvalid ? new MetadataInvalid(`dockerImageMetadata: ${error.message}`) : error;
  }
}

/** What the document says of itself, if it does. */
function innerFields(value: JsonObject): readonly Field[] | undefined {
  const { kind, apiVersion } = value;
  const named = typeof kind === 'string' && kind !== '' ? kind : KIND;
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    return named === KIND ? undefined : fieldsOf(METADATA_VERSION, named);
  }
  // Before there were groups, the version stood alone.
  const short = apiVersion.startsWith(`${GROUP}/`) ? apiVersion.slice(GROUP.length + 1) : apiVersion;
  return fieldsOf(short, named);
}

/**
 * `dockerImageMetadata` as the API prints it, in Go's order.
 *
 * @throws {MetadataInvalid} for an unknown version.
 */
export function encodeMetadata(image: DockerImage, version: string = METADATA_VERSION): JsonObject {
  const values: Readonly<Record<string, unknown>> = { ...image };
  const members: [string, unknown][] = [
    ['kind', KIND],
    ['apiVersion', `${GROUP}/${version || METADATA_VERSION}`],
  ];
  for (const { name, as } of fieldsOf(version || METADATA_VERSION)) {
    const value = values[as] ?? ALWAYS.get(as);
    if (value !== undefined) {
      members.push([name, value]);
    }
  }
  return Object.fromEntries(members);
}
