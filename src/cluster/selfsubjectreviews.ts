/** The resource `selfsubjectreviews`: who the server takes the caller for (`kubectl auth whoami`, `oc whoami`). */
import type { User } from '../access/user.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { apiTime, type KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import type { Property } from '../objects/schema.ts';
import { nameColumn } from './age.ts';

/** Where components of the group live in OpenAPI. */
export const AUTHENTICATION_V1 = 'io.k8s.api.authentication.v1';

/** A user as the API shows one. */
export interface UserInfo {
  username?: string;
  uid?: string;
  groups?: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

export const userInfo: Property = {
  type: 'object',
  component: `${AUTHENTICATION_V1}.UserInfo`,
  description: 'A user.',
  properties: {
    username: { type: 'string', description: 'The name.' },
    uid: { type: 'string', description: 'Tells this user from others that had the name before.' },
    groups: {
      type: 'array',
      items: { type: 'string' },
      listType: 'atomic',
      description: 'The groups that the user is in.',
    },
    extra: {
      type: 'map',
      values: { type: 'array', items: { type: 'string' } },
      description: 'What else the authentication tells.',
    },
  },
};

/** A user as the API shows one. */
export function userInfoOf({ name, uid, groups, extra }: User): UserInfo {
  return {
    ...(name !== '' && { username: name }),
    ...(uid && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra && { extra }),
  };
}

interface SelfSubjectReview extends KubeObject {
  status?: { userInfo: UserInfo };
}

export const selfSubjectReviews: Resource<SelfSubjectReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  resource: 'selfsubjectreviews',
  singular: 'selfsubjectreview',
  namespaced: false,
  verbs: ['create'],
  schema: {
    type: 'object',
    component: `${AUTHENTICATION_V1}.SelfSubjectReview`,
    description: 'Asks who the server takes the caller for.',
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: 'Of no meaning.' },
      status: {
        type: 'object',
        component: `${AUTHENTICATION_V1}.SelfSubjectReviewStatus`,
        description: 'The answer.',
        properties: { userInfo: { ...userInfo, description: 'The caller.' } },
      },
    },
  },
  table: { columns: [nameColumn], cells: () => [''] },
  computed: {
    create: (ctx, _namespace, review) => ({
      ...review,
      metadata: { ...review.metadata, creationTimestamp: apiTime(ctx.now()) },
      status: { userInfo: userInfoOf(ctx.user) },
    }),
  },
};
