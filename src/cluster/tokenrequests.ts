/** `serviceaccounts/token`: a TokenRequest makes a token of the account, which is in the answer and nowhere else. */
import { ACCOUNT_TOKEN_ISSUER, type BoundObject } from '../access/accounttokens.ts';
import type { AccountIdentity } from '../access/serviceaccount.ts';
import { ACCOUNT_TOKEN_LEAST_SECONDS, ACCOUNT_TOKEN_MOST_SECONDS } from '../limits.access.ts';
import type { Context } from '../objects/context.ts';
import { badRequest, conflict, type FieldError, invalid, invalidValue } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { apiTime, type KubeObject } from '../objects/object.ts';
import { readObject } from '../objects/reads.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { type Pod, pods } from './pods.ts';
import { secrets } from './secrets.ts';
import { AUTHENTICATION_V1 } from './selfsubjectreviews.ts';

export const TOKEN_REQUEST_API = { group: 'authentication.k8s.io', version: 'v1' };
const KIND = { group: TOKEN_REQUEST_API.group, kind: 'TokenRequest' };
const DEFAULT_SECONDS = 3600;

interface BoundObjectReference {
  kind?: string;
  apiVersion?: string;
  name?: string;
  uid?: string;
}

export interface TokenRequest extends KubeObject {
  spec?: { audiences?: string[] | null; expirationSeconds?: number; boundObjectRef?: BoundObjectReference | null };
  status?: { token: string; expirationTimestamp: string };
}

export const tokenRequestSchema: ObjectSchema = {
  type: 'object',
  component: `${AUTHENTICATION_V1}.TokenRequest`,
  description: 'Asks for a token of a service account.',
  required: ['spec'],
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The account's name and namespace." },
    spec: {
      type: 'object',
      component: `${AUTHENTICATION_V1}.TokenRequestSpec`,
      description: 'What the token shall be.',
      required: ['audiences'],
      properties: {
        audiences: {
          type: 'array',
          items: { type: 'string' },
          listType: 'atomic',
          empty: 'always',
          description: 'Whom the token is for: nobody else accepts it. Without any, it is for this server.',
        },
        expirationSeconds: {
          type: 'integer',
          format: 'int64',
          default: DEFAULT_SECONDS,
          empty: 'null',
          description: 'Seconds for which the token is good, at least 600.',
        },
        boundObjectRef: {
          type: 'object',
          component: `${AUTHENTICATION_V1}.BoundObjectReference`,
          empty: 'always',
          description: 'A Secret or Pod of the namespace: when it is deleted, the token is worth nothing any more.',
          properties: {
            kind: { type: 'string', description: '`Secret` or `Pod`.' },
            apiVersion: { type: 'string', description: 'The version of the kind: `v1`.' },
            name: { type: 'string', description: 'The name of the object.' },
            uid: {
              type: 'string',
              description: 'Its uid, if just this object is meant and no later one of that name.',
            },
          },
        },
      },
    },
    status: {
      type: 'object',
      component: `${AUTHENTICATION_V1}.TokenRequestStatus`,
      description: 'The token.',
      required: ['token', 'expirationTimestamp'],
      properties: {
        token: { type: 'string', empty: 'always', description: 'The token. It cannot be had a second time.' },
        expirationTimestamp: {
          type: 'string',
          format: 'date-time',
          empty: 'always',
          description: 'When the token expires.',
        },
      },
    },
  },
};

/** @throws {DomainError} Invalid if a request names another account than its path. */
export function refuseOtherName({ metadata }: TokenRequest, name: string): void {
  if (!metadata.name || metadata.name === name) return;
  const detail = 'must match the service account name if specified';
  throw invalid(KIND, name, [invalidValue('metadata.name', metadata.name, detail)]);
}

/**
 * The request with its token. A dry run makes one too, as in Kubernetes.
 * @throws {DomainError} Invalid for a time that is too short or too long; BadRequest, NotFound or Conflict if the token
 *   cannot be bound to the object that is named.
 */
export async function issueToken(ctx: Context, account: AccountIdentity, request: TokenRequest): Promise<TokenRequest> {
  const { namespace, name, uid } = account;
  const { audiences, expirationSeconds: seconds = DEFAULT_SECONDS, boundObjectRef } = request.spec ?? {};
  const errors = secondsErrors(seconds);
  if (errors.length > 0) throw invalid(KIND, '', errors);
  const bound = boundObjectRef && (await boundObject(ctx, account, boundObjectRef));
  const issued = ctx.now();
  const wanted = audiences?.length ? audiences : [ACCOUNT_TOKEN_ISSUER];
  const token = await ctx.accountTokens.issue({
    account,
    audiences: wanted,
    issued,
    seconds,
    ...(bound && { bound }),
  });
  return {
    ...request,
    metadata: { ...request.metadata, name, namespace, uid, creationTimestamp: apiTime(issued) },
    spec: { audiences: wanted, expirationSeconds: seconds, boundObjectRef: boundObjectRef ?? null },
    status: { token, expirationTimestamp: apiTime(new Date(issued.getTime() + seconds * 1000)) },
  };
}

function secondsErrors(seconds: number): FieldError[] {
  const field = 'spec.expirationSeconds';
  if (seconds < ACCOUNT_TOKEN_LEAST_SECONDS) {
    return [invalidValue(field, seconds, 'may not specify a duration less than 10 minutes')];
  }
  if (seconds > ACCOUNT_TOKEN_MOST_SECONDS) {
    return [invalidValue(field, seconds, 'may not specify a duration larger than 2^32 seconds')];
  }
  return [];
}

async function boundObject(
  ctx: Context,
  { namespace, name: account }: AccountIdentity,
  reference: BoundObjectReference,
): Promise<BoundObject> {
  const { kind = '', apiVersion = '', name = '', uid } = reference;
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  if (group !== '' || (kind !== 'Secret' && kind !== 'Pod')) {
    const type = `${group}/${apiVersion.slice(slash + 1)}, Kind=${kind}`;
    throw badRequest(`cannot bind token to object of type ${type}`);
  }
  const found =
    kind === 'Pod' ? await podOf(ctx, namespace, name, account) : await readObject(ctx, secrets, namespace, name);
  const { uid: existing = '' } = found.metadata;
  if (uid && uid !== existing) {
    const message = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict({ group, resource: kind }, name, message);
  }
  return { kind, name, uid: existing };
}

async function podOf(ctx: Context, namespace: string, name: string, account: string): Promise<Pod> {
  const pod = await readObject(ctx, pods, namespace, name);
  if (pod.spec?.serviceAccountName === account) return pod;
  throw badRequest(
    `cannot bind token for serviceaccount "${account}" to pod running with different serviceaccount name.`,
  );
}
