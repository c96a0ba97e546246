/** The config of a container image, Docker's or OCI's, and its forerunner in schema 1: what an Image keeps of them. */
import { CONFIG_BYTES } from '../limits.ts';
import { DOCKER_IMAGE_FIELDS, type DockerImage, decodeDockerImage } from './dockerimage.ts';
import { decodeFields, type Field, FieldInvalid, field } from './fields.ts';
import { JsonInvalid, parseJson } from './json.ts';

/** A config that cannot be read; says what is wrong and where. */
export class ConfigInvalid extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigInvalid';
  }
}

/** Fields that an Image does not keep, but whose wrong type makes the whole config unreadable to Go. */
const CHECKED: readonly Field[] = [
  field('rootfs', { object: [field('type', 'string'), field('diff_ids', 'strings')] }),
  field('history', {
    list: [
      field('created', 'time'),
      field('author', 'string'),
      field('created_by', 'string'),
      field('comment', 'string'),
      field('empty_layer', 'boolean'),
    ],
  }),
  field('os', 'string'),
  field('os.version', 'string'),
  field('os.features', 'strings'),
];

/**
 * An image config in the form that an Image keeps. Its size is the one that the config states, seldom the true one.
 *
 * @throws {ConfigInvalid} if it is larger than CONFIG_BYTES, not JSON, or has members of the wrong type.
 */
export function parseImageConfig(text: string): DockerImage {
  return read(text, CHECKED);
}

/**
 * One `v1Compatibility` of a schema 1 manifest in the form that an Image keeps.
 *
 * @throws {ConfigInvalid} as parseImageConfig.
 */
export function parseV1Compatibility(text: string): DockerImage {
  return read(text, []);
}

function read(text: string, checked: readonly Field[]): DockerImage {
  if (text.length > CONFIG_BYTES) {
    throw new ConfigInvalid(`has more than ${CONFIG_BYTES} bytes, which are not looked into`);
  }
  try {
    const value = parseJson(text);
    decodeFields(value, checked, 'folded');
    return decodeDockerImage(value, DOCKER_IMAGE_FIELDS, 'folded');
  } catch (error) {
    throw error instanceof JsonInvalid || error instanceof FieldInvalid ? new ConfigInvalid(error.message) : error;
  }
}
