/** The resource `secrets`: passwords, keys and tokens, with the rules of those types that Kubernetes knows. */
import { isJsonObject, JsonInvalid, parseJson } from '../image/json.ts';
import { type FieldError, fixedErrors, invalidValue, required } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import type { Members, ObjectSchema } from '../objects/schema.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { CORE_V1 } from './components.ts';
import { base64Bytes, type Data, immutableErrors, keyErrors, sizeErrors } from './datakeys.ts';
import { ALL_VERBS } from './workload.ts';

/** `data` holds base64. */
export interface Secret extends KubeObject {
  immutable?: boolean;
  data?: Data;
  type?: string;
}

/** The types whose content is looked at. */
export const DOCKER_CONFIG_JSON = 'kubernetes.io/dockerconfigjson';
export const DOCKER_CFG = 'kubernetes.io/dockercfg';
export const SERVICE_ACCOUNT_TOKEN = 'kubernetes.io/service-account-token';

/** On a secret of an account's token: whose it is. */
export const SERVICE_ACCOUNT_NAME = 'kubernetes.io/service-account.name';

const schema: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.Secret`,
  description: 'Passwords, keys or tokens by name. Whoever may read it reads them in plain.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The secret's name, labels and annotations." },
    immutable: {
      type: 'boolean',
      empty: 'pointer',
      description: 'Whether the data is fixed: once true, neither the data nor this can be changed, only the metadata.',
    },
    data: {
      type: 'map',
      values: { type: 'string', format: 'byte' },
      description: 'The content by name, in base64. Names consist of letters, digits, `-`, `_` and `.`.',
    },
    stringData: {
      type: 'map',
      values: { type: 'string' },
      description:
        'Content given as text, for convenience: it goes into data, over what is there, and is never read back.',
    },
    type: {
      type: 'string',
      default: 'Opaque',
      description: 'What the secret is for, which decides what data must hold. Cannot be changed.',
    },
  },
  convert: textToData,
};

/** What was given as text becomes data, as in Kubernetes' conversion; anything else is left, to be refused by its type. */
function textToData(given: Members): Members {
  const { stringData, ...rest } = given;
  if (!isJsonObject(stringData)) return given;
  const texts = Object.entries(stringData);
  if (!texts.every(([, text]) => typeof text === 'string' || text === null)) return given;
  if (texts.length === 0) return rest;
  const { data } = rest;
  if (data !== undefined && data !== null && !isJsonObject(data)) return given;
  const encoded = texts.map(([key, text]) => [
    key,
    Buffer.from(typeof text === 'string' ? text : '').toString('base64'),
  ]);
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
}

function validate(secret: Secret, old: Secret | undefined): FieldError[] {
  const errors = fixedErrors('type', secret.type, old && { was: old.type });
  errors.push(
    ...immutableErrors(secret, old, ['data']),
    ...keyErrors(secret.data, 'data'),
    ...sizeErrors(base64Bytes(secret.data), 'data'),
    ...typeErrors(secret),
  );
  return errors;
}

function typeErrors({ type, data = {}, metadata }: Secret): FieldError[] {
  switch (type) {
    case SERVICE_ACCOUNT_TOKEN:
      if (metadata.annotations?.[SERVICE_ACCOUNT_NAME]) return [];
      return [required(`metadata.annotations[${SERVICE_ACCOUNT_NAME}]`)];
    case DOCKER_CFG:
      return configErrors(data, '.dockercfg');
    case DOCKER_CONFIG_JSON:
      return configErrors(data, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth':
      // One of the two is enough.
      if (Object.hasOwn(data, 'username') || Object.hasOwn(data, 'password')) return [];
      return [required('data[username]'), required('data[password]')];
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required('data[ssh-privatekey]')];
    case 'kubernetes.io/tls':
      return ['tls.crt', 'tls.key'].filter((key) => !Object.hasOwn(data, key)).map((key) => required(`data[${key}]`));
    default:
      return [];
  }
}

function configErrors(data: Data, key: string): FieldError[] {
  const field = `data[${key}]`;
  if (!Object.hasOwn(data, key)) return [required(field)];
  const fault = objectFault(Buffer.from(data[key] ?? '', 'base64'));
  return fault === undefined ? [] : [invalidValue(field, '<secret contents redacted>', fault)];
}

/** Why bytes are no JSON object; never shows any of them. */
function objectFault(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return 'unexpected end of JSON input';
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (error) {
    if (error instanceof JsonInvalid) return `not valid JSON at line ${error.line}, column ${error.column}`;
    throw error;
  }
  return value === null || isJsonObject(value) ? undefined : 'must be a JSON object';
}

export const secrets: Resource<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  singular: 'secret',
  namespaced: true,
  verbs: ALL_VERBS,
  schema,
  table: {
    columns: [
      nameColumn,
      { name: 'Type', type: 'string', description: 'What the secret is for.' },
      { name: 'Data', type: 'string', description: 'How many entries there are.' },
      ageColumn,
    ],
    cells: (secret, now) => [
      nameOf(secret),
      secret.type ?? '',
      Object.keys(secret.data ?? {}).length,
      ageOf(secret, now),
    ],
  },
  fields: { type: ({ type }) => type ?? '' },
  kept: {
    prefix: '/secrets/',
    unconditionalUpdate: true,
    generation: false,
    validateName: dnsSubdomain,
    validate: (_ctx, secret, old) => validate(secret, old),
  },
};
