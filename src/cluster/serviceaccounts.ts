/** The resource `serviceaccounts`: users that are programs. */
import { type AccountIdentity, SERVICE_ACCOUNT_PREFIX } from '../access/serviceaccount.ts';
import type { Context } from '../objects/context.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { localObjectReferenceSchema, objectReferenceSchema } from '../objects/objectreference.ts';
import { readObject } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { ageColumn, ageOf, nameColumn } from './age.ts';
import { CORE_V1 } from './components.ts';
import {
  issueToken,
  refuseOtherName,
  TOKEN_REQUEST_API,
  type TokenRequest,
  tokenRequestSchema,
} from './tokenrequests.ts';
import { ALL_VERBS } from './workload.ts';

export interface ServiceAccount extends KubeObject {
  secrets?: { name?: string }[];
  imagePullSecrets?: { name?: string }[];
  automountServiceAccountToken?: boolean;
}

const schema: ObjectSchema = {
  type: 'object',
  component: `${CORE_V1}.ServiceAccount`,
  description: 'A user for programs, in a namespace: roles can be bound to it, and tokens be had for it.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The account's name, labels and annotations." },
    secrets: {
      type: 'array',
      items: objectReferenceSchema,
      patchStrategy: 'merge',
      patchMergeKey: 'name',
      listType: 'map',
      listMapKeys: ['name'],
      description: 'Secrets of the namespace that pods which run as this account may use.',
    },
    imagePullSecrets: {
      type: 'array',
      items: localObjectReferenceSchema,
      listType: 'atomic',
      description: 'Secrets with credentials for registries, for the images of pods that run as this account.',
    },
    automountServiceAccountToken: {
      type: 'boolean',
      empty: 'pointer',
      description: 'Whether pods that run as this account get a token of it, unless they say so themselves.',
    },
  },
};

export const serviceAccounts: Resource<ServiceAccount> = {
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  singular: 'serviceaccount',
  shortNames: ['sa'],
  namespaced: true,
  verbs: ALL_VERBS,
  schema,
  table: {
    columns: [nameColumn, ageColumn],
    cells: (account, now) => [nameOf(account), ageOf(account, now)],
  },
  kept: {
    prefix: SERVICE_ACCOUNT_PREFIX,
    unconditionalUpdate: true,
    generation: false,
    validateName: dnsSubdomain,
    validate: () => [],
  },
  subresources: [
    {
      name: 'token',
      kind: 'TokenRequest',
      api: TOKEN_REQUEST_API,
      verbs: ['create'],
      schema: tokenRequestSchema,
      async create(ctx, namespace, name, request: TokenRequest) {
        refuseOtherName(request, name);
        return issueToken(ctx, await identityOf(ctx, namespace, name), request);
      },
    },
  ],
};

async function identityOf(ctx: Context, namespace: string, name: string): Promise<AccountIdentity> {
  const { uid = '' } = (await readObject(ctx, serviceAccounts, namespace, name)).metadata;
  return { namespace, name, uid };
}
