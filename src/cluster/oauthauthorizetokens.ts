/** The resource `oauthauthorizetokens`: codes that clients exchange for tokens, once and soon. Only their hashes are kept. */
import { type FieldError, fixedErrors, invalidValue, required } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { Resource } from '../objects/resource.ts';
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

/** A code: the name is its hash. */
export interface OAuthAuthorizeToken extends Grant {
  state?: string;
  codeChallenge?: string;
  codeChallengeMethod?: string;
}

const METHODS: readonly string[] = ['plain', 'S256'];
const { clientName, expiresIn, scopes, redirectURI, userName, userUID } = grantFields;

export const oauthAuthorizeTokens: Resource<OAuthAuthorizeToken> = {
  group: OAUTH_GROUP,
  version: 'v1',
  kind: 'OAuthAuthorizeToken',
  resource: 'oauthauthorizetokens',
  singular: 'oauthauthorizetoken',
  namespaced: false,
  verbs: ALL_VERBS,
  schema: {
    type: 'object',
    component: `${OAUTH_V1}.OAuthAuthorizeToken`,
    description: 'A code that a client may exchange for a token.',
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: 'The name is `sha256~` and the hash of the rest of the code.' },
      ...{ clientName, expiresIn, scopes, redirectURI },
      state: { type: 'string', description: 'What the client wanted to have back.' },
      ...{ userName, userUID },
      codeChallenge: { type: 'string', description: 'What the client must prove that it knows the secret of.' },
      codeChallengeMethod: { type: 'string', description: 'How it proves that: S256 or plain.' },
    },
  },
  table: { columns: grantColumns, cells: grantCells },
  fields: {
    clientName: (code) => code.clientName ?? '',
    userName: (code) => code.userName ?? '',
    userUID: (code) => code.userUID ?? '',
  },
  normalise(code) {
    if (code.codeChallenge && !code.codeChallengeMethod) code.codeChallengeMethod = 'plain';
  },
  kept: {
    prefix: '/oauthauthorizetokens/',
    unconditionalUpdate: false,
    generation: false,
    repeatsMetadataErrors: true,
    validateName: grantName,
    validate: (_ctx, code, old) => (old ? changeErrors(code, old) : codeErrors(code)),
  },
};

function codeErrors(code: OAuthAuthorizeToken): FieldError[] {
  const { expiresIn: age = 0 } = code;
  return [
    ...grantErrors(code),
    ...challengeErrors(code),
    ...(age <= 0 ? [invalidValue('expiresIn', age, 'must be greater than zero')] : []),
  ];
}

function challengeErrors({
  codeChallenge: challenge = '',
  codeChallengeMethod: method = '',
}: OAuthAuthorizeToken): FieldError[] {
  if (challenge === '' && method === '') return [];
  const errors: FieldError[] = [];
  if (challenge === '') errors.push(required('codeChallenge', 'required if codeChallengeMethod is specified'));
  else if (!/^[a-zA-Z0-9._~-]{43,128}$/.test(challenge)) {
    errors.push(invalidValue('codeChallenge', challenge, 'must be 43-128 characters [a-zA-Z0-9.~_-]'));
  }
  if (method === '') errors.push(required('codeChallengeMethod', 'required if codeChallenge is specified'));
  else if (!METHODS.includes(method)) {
    const detail = `supported values: ${METHODS.map((one) => JSON.stringify(one)).join(', ')}`;
    errors.push({ type: 'NotSupported', field: 'codeChallengeMethod', value: method, detail });
  }
  return errors;
}

function changeErrors(code: OAuthAuthorizeToken, old: OAuthAuthorizeToken): FieldError[] {
  const fixed = ({ metadata: _m, kind: _k, apiVersion: _a, ...rest }: OAuthAuthorizeToken) => rest;
  return fixedErrors('[]', fixed(code), { was: fixed(old) });
}
