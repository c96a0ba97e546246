/**
 * The resources `oauthaccesstokens` (all tokens of users) and `useroauthaccesstokens` (the caller's own). A deletion ends
 * the token at once.
 */
import { OAUTH_TOKEN_PREFIX } from '../access/oauthtokens.ts';
import { TOKEN_SCHEME } from '../access/tokens.ts';
import type { Context } from '../objects/context.ts';
import { deleteObject } from '../objects/deletes.ts';
import { type FieldError, fixedErrors, invalidValue, notFound } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { nameOf } from '../objects/object.ts';
import { eachKept, readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { parsed } from '../objects/values.ts';
import { findClient, restrictionProblem } from './oauthclients.ts';
import {
  type Grant,
  grantCells,
  grantColumns,
  grantErrors,
  grantFields,
  grantName,
  OAUTH_GROUP,
  OAUTH_V1,
} from './oauthfields.ts';
import { ALL_VERBS } from './workload.ts';

/** A token of a user: the name is its hash. */
export interface OAuthAccessToken extends Grant {
  authorizeToken?: string;
  refreshToken?: string;
  inactivityTimeoutSeconds?: number;
}

function schemaOf(kind: string, description: string): ObjectSchema {
  const { clientName, expiresIn, scopes, redirectURI, userName, userUID } = grantFields;
  return {
    type: 'object',
    component: `${OAUTH_V1}.${kind}`,
    description,
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: 'The name is `sha256~` and the hash of the rest of the token.' },
      ...{ clientName, expiresIn, scopes, redirectURI, userName, userUID },
      authorizeToken: { type: 'string', description: 'The code for which the client got the token.' },
      refreshToken: { type: 'string', description: 'Not used.' },
      inactivityTimeoutSeconds: {
        type: 'integer',
        format: 'int32',
        description: 'Kept, but tokens do not end because they are not used.',
      },
    },
  };
}

export const oauthAccessTokens: Resource<OAuthAccessToken> = {
  group: OAUTH_GROUP,
  version: 'v1',
  kind: 'OAuthAccessToken',
  resource: 'oauthaccesstokens',
  singular: 'oauthaccesstoken',
  namespaced: false,
  verbs: ALL_VERBS,
  schema: schemaOf('OAuthAccessToken', 'A token with which requests are made as a user.'),
  table: { columns: grantColumns, cells: grantCells },
  fields: {
    clientName: ({ clientName = '' }) => clientName,
    userName: ({ userName = '' }) => userName,
    userUID: ({ userUID = '' }) => userUID,
    authorizeToken: ({ authorizeToken = '' }) => authorizeToken,
  },
  kept: {
    prefix: OAUTH_TOKEN_PREFIX,
    unconditionalUpdate: false,
    generation: false,
    repeatsMetadataErrors: true,
    validateName: grantName,
    validate: (ctx, token, old) => (old ? changeErrors(token, old) : tokenErrors(ctx, token)),
  },
};

async function tokenErrors(ctx: Context, token: OAuthAccessToken): Promise<FieldError[]> {
  const errors = grantErrors(token);
  for (const member of ['inactivityTimeoutSeconds', 'expiresIn'] as const) {
    const value = token[member] ?? 0;
    if (value < 0) errors.push(invalidValue(member, value, 'cannot be a negative value'));
  }
  const client = token.clientName ? await findClient(ctx, token.clientName) : undefined;
  const missing = `oauthclients.${OAUTH_GROUP} "${token.clientName ?? ''}" not found`;
  const problem = client ? restrictionProblem(client, token.scopes ?? []) : missing;
  if (problem !== undefined) errors.push({ type: 'InternalError', field: 'clientName', detail: problem });
  return errors;
}

/** Only metadata may change, and how long a token may be idle. */
function changeErrors(token: OAuthAccessToken, old: OAuthAccessToken): FieldError[] {
  const fixed = ({ metadata: _m, kind: _k, apiVersion: _a, inactivityTimeoutSeconds: _i, ...rest }: OAuthAccessToken) =>
    rest;
  return fixedErrors('[]', fixed(token), { was: fixed(old) });
}

/** What a user's own tokens say of themselves, however they are read. */
const ownFacts = {
  group: OAUTH_GROUP,
  version: 'v1',
  kind: 'UserOAuthAccessToken',
  resource: 'useroauthaccesstokens',
  singular: 'useroauthaccesstoken',
  namespaced: false,
  verbs: ['delete', 'get', 'list', 'watch'],
  schema: schemaOf('UserOAuthAccessToken', 'A token of the caller.'),
  table: { columns: grantColumns, cells: grantCells },
} as const satisfies Resource<OAuthAccessToken>;

/** Tokens in the form of a user's own: what is watched. */
const watchedTokens: Resource<OAuthAccessToken> = {
  ...ownFacts,
  kept: {
    prefix: OAUTH_TOKEN_PREFIX,
    form: { toKept: (token) => token, fromKept: (token) => withoutType(token) },
    unconditionalUpdate: false,
    generation: false,
    validate: () => [],
    validateName: () => undefined,
  },
};

export const userOAuthAccessTokens: Resource<OAuthAccessToken> = {
  ...ownFacts,
  watched: {
    as: watchedTokens,
    async sees(ctx, name) {
      const kept = await readKept(ctx.store, oauthAccessTokens, '', name);
      return kept !== undefined && isOwn(parsed(oauthAccessTokens, ctx.settings, kept), ctx.user.name);
    },
    // Whose a token is never changes: nothing but the tokens themselves decides.
    rights: `${OAUTH_TOKEN_PREFIX}#`,
  },
  computed: {
    async get(ctx, _namespace, name) {
      const token = await ownToken(ctx, name);
      return { object: () => token };
    },
    async list(ctx) {
      const tokens: OAuthAccessToken[] = [];
      const { name } = ctx.user;
      await eachKept(ctx.store, oauthAccessTokens, '', (kept) => {
        const token = parsed(oauthAccessTokens, ctx.settings, kept);
        if (isOwn(token, name)) tokens.push(withoutType(token));
      });
      return tokens;
    },
    async delete(ctx, _namespace, name, options) {
      const { uid } = (await ownToken(ctx, name)).metadata;
      const preconditions = { ...options.preconditions, ...(uid !== undefined && { uid }) };
      await deleteObject(ctx, oauthAccessTokens, '', name, { ...options, preconditions });
    },
  },
};

/** Nobody is shown the name of another's token, nor that there is one. */
async function ownToken(ctx: Context, name: string): Promise<OAuthAccessToken> {
  const kept = await readKept(ctx.store, oauthAccessTokens, '', name);
  const token = kept && parsed(oauthAccessTokens, ctx.settings, kept);
  if (!token || !isOwn(token, ctx.user.name)) throw notFound(userOAuthAccessTokens, name);
  return withoutType(token);
}

function isOwn(token: OAuthAccessToken, user: string): boolean {
  return user !== '' && token.userName === user && nameOf(token).startsWith(TOKEN_SCHEME);
}

function withoutType({ kind: _kind, apiVersion: _apiVersion, ...token }: OAuthAccessToken): OAuthAccessToken {
  return token;
}
