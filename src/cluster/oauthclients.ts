/** The resource `oauthclients`: programs that may ask for tokens of users, and those that are always there. */
import type { Services } from '../objects/context.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import { dnsSubdomain } from '../objects/names.ts';
import { type KubeObject, nameOf } from '../objects/object.ts';
import { readKept } from '../objects/reads.ts';
import type { Resource } from '../objects/resource.ts';
import type { ObjectSchema, Property } from '../objects/schema.ts';
import { parsed } from '../objects/values.ts';
import { nameColumn } from './age.ts';
import { OAUTH_GROUP, OAUTH_V1, redirectProblem } from './oauthfields.ts';
import { ALL_VERBS } from './workload.ts';

/** What tokens of a client may be for. */
interface ScopeRestriction {
  literals?: string[];
  clusterRole?: { roleNames?: string[] | null; namespaces?: string[] | null; allowEscalation?: boolean };
}

export interface OAuthClient extends KubeObject {
  secret?: string;
  additionalSecrets?: string[];
  respondWithChallenges?: boolean;
  redirectURIs?: string[];
  grantMethod?: string;
  scopeRestrictions?: ScopeRestriction[];
  accessTokenMaxAgeSeconds?: number;
  accessTokenInactivityTimeoutSeconds?: number;
}

/** Seconds of inactivity after which a token may end at least, as in OpenShift. */
const LEAST_INACTIVITY_SECONDS = 300;
const GRANT_METHODS: readonly string[] = ['auto', 'prompt'];

function list(description: string): Property {
  return { type: 'array', items: { type: 'string' }, description };
}

function seconds(description: string): Property {
  return { type: 'integer', format: 'int32', empty: 'pointer', description };
}

const scopeRestriction: ObjectSchema = {
  type: 'object',
  component: `${OAUTH_V1}.ScopeRestriction`,
  description: 'Scopes that the client may ask for: either named ones, or those of cluster roles.',
  properties: {
    literals: list('The scopes, as they are.'),
    clusterRole: {
      type: 'object',
      component: `${OAUTH_V1}.ClusterRoleScopeRestriction`,
      empty: 'pointer',
      description: 'Scopes of the form `role:NAME:NAMESPACE`.',
      required: ['roleNames', 'namespaces', 'allowEscalation'],
      properties: {
        roleNames: { ...list('The roles; `*` is all.'), empty: 'always' },
        namespaces: { ...list('The namespaces; `*` is all.'), empty: 'always' },
        allowEscalation: { type: 'boolean', empty: 'always', description: 'Whether `:!` may stand at the end.' },
      },
    },
  },
};

const schema: ObjectSchema = {
  type: 'object',
  component: `${OAUTH_V1}.OAuthClient`,
  description: 'A program that may ask for tokens of users.',
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: "The client's name is its client_id." },
    secret: { type: 'string', description: 'What the client proves itself with; without one it needs none.' },
    additionalSecrets: list('Further secrets, so that one may be exchanged.'),
    respondWithChallenges: {
      type: 'boolean',
      description: 'Whether users are asked for their password by Basic authentication, as command lines want it.',
    },
    redirectURIs: {
      type: 'array',
      items: { type: 'string' },
      patchStrategy: 'merge',
      description: 'Where users may be sent back to; paths below these too.',
    },
    grantMethod: {
      type: 'string',
      description: '`auto`: whoever logs in has agreed; `prompt`: users are asked whether the client may have a token.',
    },
    scopeRestrictions: {
      type: 'array',
      items: scopeRestriction,
      description: 'If there are any, the client may ask for no other scopes.',
    },
    accessTokenMaxAgeSeconds: seconds('Seconds for which its tokens are good, if it is not a day; 0 is for ever.'),
    accessTokenInactivityTimeoutSeconds: seconds('Kept, but tokens do not end because they are not used.'),
  },
};

export const oauthClients: Resource<OAuthClient> = {
  group: OAUTH_GROUP,
  version: 'v1',
  kind: 'OAuthClient',
  resource: 'oauthclients',
  singular: 'oauthclient',
  namespaced: false,
  verbs: ALL_VERBS,
  schema,
  table: {
    columns: [
      nameColumn,
      { name: 'Secret', type: 'string', description: 'What the client proves itself with.' },
      { name: 'WWW-Challenge', type: 'boolean', description: 'Whether users are asked for their password by Basic.' },
      { name: 'Token-Max-Age', type: 'string', description: 'For how long its tokens are good.' },
      { name: 'Redirect URIs', type: 'string', description: 'Where users may be sent back to.' },
    ],
    cells: (client) => [
      nameOf(client),
      client.secret ?? '',
      client.respondWithChallenges ?? false,
      ageText(client.accessTokenMaxAgeSeconds),
      (client.redirectURIs ?? []).join(','),
    ],
  },
  kept: {
    prefix: '/oauthclients/',
    unconditionalUpdate: false,
    generation: false,
    repeatsMetadataErrors: true,
    validateName: dnsSubdomain,
    validate: (_ctx, client) => [
      ...(client.redirectURIs ?? []).flatMap((redirect, index) => {
        const problem = redirectProblem(redirect);
        return problem === undefined ? [] : [invalidValue(`redirectURIs[${index}]`, redirect, problem)];
      }),
      ...(client.additionalSecrets ?? []).flatMap((secret, index) =>
        secret === '' ? [invalidValue(`additionalSecrets[${index}]`, '', 'may not be empty')] : [],
      ),
      ...(client.scopeRestrictions ?? []).flatMap((one, index) =>
        restrictionErrors(one, `scopeRestrictions[${index}]`),
      ),
      ...timeErrors(client),
      ...grantErrors(client.grantMethod ?? ''),
    ],
  },
};

/** A duration as Go prints it. */
function ageText(age: number | undefined): string {
  if (age === undefined) return 'default';
  if (age === 0) return 'unexpiring';
  const [hours, minutes] = [Math.floor(age / 3600), Math.floor((age % 3600) / 60)];
  const text = `${age % 60}s`;
  if (hours > 0) return `${hours}h${minutes}m${text}`;
  return minutes > 0 ? `${minutes}m${text}` : text;
}

function restrictionErrors(restriction: ScopeRestriction, field: string): FieldError[] {
  const { literals = [], clusterRole } = restriction;
  if (literals.length > 0 === (clusterRole !== undefined)) {
    return [invalidValue(field, restriction, 'exactly one of literals, clusterRole is required')];
  }
  const errors = literals.flatMap((literal, index) =>
    literal === '' ? [invalidValue(`${field}.literals[${index}]`, '', 'may not be empty')] : [],
  );
  if (!clusterRole) return errors;
  for (const member of ['roleNames', 'namespaces'] as const) {
    if (!clusterRole[member]?.length) errors.push(required(`${field}.clusterRole.${member}`, "won't match anything"));
  }
  return errors;
}

function timeErrors(client: OAuthClient): FieldError[] {
  const { accessTokenMaxAgeSeconds: age = 0, accessTokenInactivityTimeoutSeconds: idle = 0 } = client;
  const errors: FieldError[] = [];
  if (age < 0) errors.push(invalidValue('accessTokenMaxAgeSeconds', age, 'value cannot be negative'));
  if (idle > 0 && idle < LEAST_INACTIVITY_SECONDS) {
    const detail = `The minimum valid timeout value is ${LEAST_INACTIVITY_SECONDS} seconds`;
    errors.push(invalidValue('accessTokenInactivityTimeoutSeconds', idle, detail));
  }
  if (idle < 0) errors.push(invalidValue('accessTokenInactivityTimeoutSeconds', idle, 'value cannot be negative'));
  return errors;
}

function grantErrors(method: string): FieldError[] {
  if (method === '') return [required('grantMethod', 'must be auto or prompt')];
  if (GRANT_METHODS.includes(method)) return [];
  const detail = `supported values: ${GRANT_METHODS.map((one) => JSON.stringify(one)).join(', ')}`;
  return [{ type: 'NotSupported', field: 'grantMethod', value: method, detail }];
}

/** Paths of this server to which its own clients are sent back. */
const IMPLICIT_PATH = '/oauth/token/implicit';
export const DISPLAY_PATH = '/oauth/token/display';
/** The command line's client that answers challenges, the one that opens a browser, and the one for people with a browser. */
const CHALLENGING_CLIENT = 'openshift-challenging-client';
const CLI_CLIENT = 'openshift-cli-client';
export const BROWSER_CLIENT = 'openshift-browser-client';
/** The client of tokens that `headgate token create` makes. */
export const COMMAND_CLIENT = 'headgate-cli';

/** Clients that are there without being stored. A redirect that is a path means this server, however it is reached. */
const OWN_CLIENTS: ReadonlyMap<string, OAuthClient> = new Map(
  [
    { name: CHALLENGING_CLIENT, respondWithChallenges: true, redirectURIs: [IMPLICIT_PATH] },
    { name: CLI_CLIENT, redirectURIs: ['http://127.0.0.1/callback', 'http://[::1]/callback'] },
    { name: BROWSER_CLIENT, redirectURIs: [DISPLAY_PATH] },
    { name: COMMAND_CLIENT, redirectURIs: [] },
  ].map(({ name, ...rest }) => [name, { metadata: { name }, grantMethod: 'auto', ...rest }]),
);

/** The client of that name: a stored one, or one of those that are always there. @throws {StoreError} */
export async function findClient(
  { store, settings }: Pick<Services, 'store' | 'settings'>,
  name: string,
): Promise<OAuthClient | undefined> {
  if (dnsSubdomain(name) !== undefined) return undefined;
  const kept = await readKept(store, oauthClients, '', name);
  return kept ? parsed(oauthClients, settings, kept) : OWN_CLIENTS.get(name);
}

/** Why a client may not have a token of these scopes, in OpenShift's words; undefined if it may. */
export function restrictionProblem(
  { scopeRestrictions = [] }: OAuthClient,
  scopes: readonly string[],
): string | undefined {
  if (scopeRestrictions.length === 0) return undefined;
  const refused = scopes.find((scope) => !scopeRestrictions.some((one) => permits(one, scope)));
  return refused === undefined ? undefined : `${refused} did not match any scope restriction`;
}

function permits({ literals = [], clusterRole }: ScopeRestriction, scope: string): boolean {
  if (literals.includes(scope)) return true;
  const [, role = '', namespace = '', escalating] = /^role:(.+):([^:!]+|\*)(:!)?$/.exec(scope) ?? [];
  if (!clusterRole || role === '') return false;
  const names = (list: readonly string[] | null | undefined, name: string): boolean =>
    list?.some((one) => one === '*' || one === name) ?? false;
  if (!names(clusterRole.roleNames, role) || !names(clusterRole.namespaces, namespace)) return false;
  return escalating === undefined || clusterRole.allowEscalation === true;
}
