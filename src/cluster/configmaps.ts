/** The resource `configmaps`: data that is no secret. */
import { invalidValue } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { CORE_V1 } from './components.ts';
import { base64Bytes, type Data, immutableErrors, keyErrors, sizeErrors, textBytes } from './datakeys.ts';
import { ALL_VERBS } from './workload.ts';

export interface ConfigMap extends KubeObject {
  immutable?: boolean;
  data?: Data;
  binaryData?: Data;
}

const schema: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.ConfigMap`,
  description: 'Settings by name, for programs to read.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The map's name, labels and annotations." },
    immutable: {
      type: 'boolean',
      empty: 'pointer',
      description: 'Whether the data is fixed: once true, neither the data nor this can be changed, only the metadata.',
    },
    data: {
      type: 'map',
      values: { type: 'string' },
      description:
        'The settings. Names consist of letters, digits, `-`, `_` and `.`; none may be in binaryData as well.',
    },
    binaryData: {
      type: 'map',
      values: { type: 'string', format: 'byte' },
      description: 'Settings that are no UTF-8 text. The rules for names are those of data.',
    },
  },
};

export const configMaps: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  singular: 'configmap',
  shortNames: ['cm'],
  namespaced: true,
  verbs: ALL_VERBS,
  schema,
  table: {
    columns: [nameColumn, { name: 'Data', type: 'string', description: 'How many settings there are.' }, ageColumn],
    cells: (map, now) => [nameOf(map), entries(map.data) + entries(map.binaryData), ageOf(map, now)],
  },
  kept: {
    prefix: '/configmaps/',
    unconditionalUpdate: true,
    generation: false,
    validateName: dnsSubdomain,
    validate: (_ctx, map, old) => [
      ...immutableErrors(map, old, ['data', 'binaryData']),
      ...keyErrors(map.data, 'data'),
      ...Object.keys(map.data ?? {})
        .filter((key) => Object.hasOwn(map.binaryData ?? {}, key))
        .map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
      ...keyErrors(map.binaryData, 'binaryData'),
      // The whole object is meant, which has no path.
      ...sizeErrors(textBytes(map.data) + base64Bytes(map.binaryData), '[]'),
    ],
  },
};

function entries(data: Data | undefined): number {
  return Object.keys(data ?? {}).length;
}
