/** People as they are kept: where, and what their names may be. */
import { pathSegmentName } from '../objects/names.ts';

/** Everything that says who somebody is lies below this prefix. */
const PEOPLE_PREFIX = '/people/';
/** User objects: `<prefix><name>`. */
export const USER_PREFIX = `${PEOPLE_PREFIX}users/`;
/** Group objects: `<prefix><name>`. */
export const GROUP_PREFIX = `${PEOPLE_PREFIX}groups/`;
/** Identity objects: `<prefix><provider>:<name at the provider>`. */
export const IDENTITY_PREFIX = `${PEOPLE_PREFIX}identities/`;

/** Why a name is refused as that of a user, in OpenShift's words. */
export function userName(name: string): string | undefined {
  const detail = pathSegmentName(name);
  if (detail !== undefined) return detail;
  if (name.includes(':') && !name.startsWith('b64:')) return 'usernames that contain ":" must begin with "b64:"';
  return name === '~' ? 'may not equal "~"' : undefined;
}

/** Why a name is refused as that of a group. */
export function groupName(name: string): string | undefined {
  const detail = pathSegmentName(name);
  if (detail !== undefined) return detail;
  if (name.includes(':')) return 'may not contain ":"';
  return name === '~' ? 'may not equal "~"' : undefined;
}

/** Why a name is refused as that of an identity: it is that of its provider, and the name there. */
export function identityName(name: string): string | undefined {
  const detail = pathSegmentName(name);
  if (detail !== undefined) return detail;
  const form = 'must be in the format <providerName>:<providerUserName>';
  const [provider, user, ...more] = name.split(':');
  if (user === undefined || more.length > 0) return form;
  if (provider === '') return `${form} with a non-empty providerName`;
  return user === '' ? `${form} with a non-empty providerUserName` : undefined;
}
