/** `imagestreams/secrets`: the pull secrets of a namespace that imports may use, for those who may not read all secrets. */
import { type Secret, secrets } from '../cluster/secrets.ts';
import { IMAGE_GROUP, IMAGE_VERSION } from '../images/image.ts';
import { isImportSecret } from '../importing/credentials.ts';
import { listSchema } from '../objects/metaschema.ts';
import type { Resource, Subresource } from '../objects/resource.ts';

/** Secrets as they are listed here: as a kind of this group, as OpenShift does. */
const imageSecrets: Resource<Secret> = { ...secrets, group: IMAGE_GROUP, version: IMAGE_VERSION };

export const imageSecretsSubresource: Subresource = {
  name: 'secrets',
  kind: 'SecretList',
  verbs: ['get'],
  tableless: true,
  schema: listSchema('Secret', secrets.schema),
  lists: { resource: imageSecrets, includes: isImportSecret },
};
