/** The resource `tokenreviews`: whom a bearer token stands for, asked by programs that accept tokens of this server. */
import { ACCOUNT_TOKEN_ISSUER } from '../access/accounttokens.ts';
import type { User } from '../access/user.ts';
import type { Context } from '../objects/context.ts';
import { badRequest } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import type { Property } from '../objects/schema.ts';
import { nameColumn } from './age.ts';
import { words } from './rolerules.ts';
import { AUTHENTICATION_V1, type UserInfo, userInfo, userInfoOf } from './selfsubjectreviews.ts';

interface TokenReview extends KubeObject {
  spec?: { token?: string; audiences?: string[] };
  status?: { authenticated?: boolean; user: UserInfo; audiences?: readonly string[]; error?: string };
}

const spec: Property = {
  type: 'object',
  component: `${AUTHENTICATION_V1}.TokenReviewSpec`,
  description: 'The question.',
  properties: {
    token: { type: 'string', description: 'The token.' },
    audiences: words('Whom the token must be for, at least one of them; without any, this server.'),
  },
};

const status: Property = {
  type: 'object',
  component: `${AUTHENTICATION_V1}.TokenReviewStatus`,
  description: 'The answer.',
  properties: {
    authenticated: { type: 'boolean', description: 'Whether the token is good.' },
    user: { ...userInfo, description: 'Whom it stands for.' },
    audiences: words('Those of the audiences asked for that the token is for.'),
    error: { type: 'string', description: 'Why it is not good.' },
  },
};

export const tokenReviews: Resource<TokenReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  resource: 'tokenreviews',
  singular: 'tokenreview',
  namespaced: false,
  verbs: ['create'],
  schema: {
    type: 'object',
    component: `${AUTHENTICATION_V1}.TokenReview`,
    description: 'Asks whom a token stands for.',
    required: ['spec'],
    properties: { ...typeMeta, metadata: { ...objectMeta, description: 'Of no meaning.' }, spec, status },
  },
  table: { columns: [nameColumn], cells: () => [''] },
  computed: {
    async create(ctx, _namespace, review) {
      const { token = '', audiences = [] } = review.spec ?? {};
      if (token === '') throw badRequest('token is required for TokenReview in authentication');
      const found = await reviewed(ctx, token, audiences.length > 0 ? audiences : [ACCOUNT_TOKEN_ISSUER]);
      if (!found) return { ...review, status: { user: {}, error: 'invalid bearer token' } };
      const answer = { authenticated: true, user: userInfoOf(found.user), audiences: found.audiences };
      return { ...review, status: answer };
    },
  },
};

interface Reviewed {
  readonly user: User;
  readonly audiences: readonly string[];
}

/** Tokens of users say nothing of an audience: they are for this server. */
async function reviewed(ctx: Context, token: string, audiences: readonly string[]): Promise<Reviewed | undefined> {
  if (audiences.includes(ACCOUNT_TOKEN_ISSUER)) {
    const user = await ctx.userTokens.find(token);
    if (user) return { user, audiences: [ACCOUNT_TOKEN_ISSUER] };
  }
  return ctx.accountTokens.review(token, audiences);
}
