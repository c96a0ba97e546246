/** What the resources of `oauth.openshift.io` have in common: their fields, and what may be in them. */
import { userName } from '../access/person.ts';
import { serviceAccountOf } from '../access/role.ts';
import { scopeProblem } from '../access/scopes.ts';
import { TOKEN_NAME_CHARACTERS } from '../limits.access.ts';
import { type FieldError, invalidValue, required } from '../objects/errors.ts';
import { dnsSubdomain, pathSegmentName } from '../objects/names.ts';
import type { KubeObject } from '../objects/object.ts';
import type { TableColumn } from '../objects/resource.ts';
import type { Property } from '../objects/schema.ts';
import { nameColumn } from './age.ts';

export const OAUTH_GROUP = 'oauth.openshift.io';
/** Where components of the group live in OpenAPI. */
export const OAUTH_V1 = 'com.github.openshift.api.oauth.v1';

/** What tokens and codes say. */
export interface Grant extends KubeObject {
  clientName?: string;
  expiresIn?: number;
  scopes?: string[];
  redirectURI?: string;
  userName?: string;
  userUID?: string;
}

function text(description: string): Property {
  return { type: 'string', description };
}

/** The fields of tokens and codes, in OpenShift's order: what stands between the parts differs. */
export const grantFields = {
  clientName: text('The client that it was given to.'),
  expiresIn: {
    type: 'integer',
    format: 'int64',
    description: 'Seconds after its creation for which it is good; 0 stands for ever.',
  },
  scopes: {
    type: 'array',
    items: { type: 'string' },
    description: "What of the user's rights it carries: `user:full` is all.",
  },
  redirectURI: text('Where it was sent to.'),
  userName: text('The user.'),
  userUID: text('Tells the user from others that had the name before.'),
} as const satisfies Record<string, Property>;

/** The columns of tokens and codes. */
export const grantColumns: readonly TableColumn[] = [
  nameColumn,
  { name: 'User Name', type: 'string', description: 'The user.' },
  { name: 'Client Name', type: 'string', description: 'The client that it was given to.' },
  { name: 'Created', type: 'string', description: 'When it was made.' },
  { name: 'Expires', type: 'string', description: 'When it ends.' },
  { name: 'Redirect URI', type: 'string', description: 'Where it was sent to.' },
  { name: 'Scopes', type: 'string', description: "What of the user's rights it carries." },
];

/** The cells of grantColumns. */
export function grantCells(grant: Grant): string[] {
  const { name = '', creationTimestamp } = grant.metadata;
  const created = creationTimestamp ?? '';
  return [
    name,
    grant.userName ?? '',
    grant.clientName ?? '',
    created,
    grant.expiresIn ? goTime(new Date(Date.parse(created) + grant.expiresIn * 1000)) : 'never',
    grant.redirectURI ?? '',
    (grant.scopes ?? []).join(','),
  ];
}

/** A time as Go prints one. */
function goTime(time: Date): string {
  return Number.isNaN(time.getTime()) ? '' : `${time.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}

/** Why the name of a token or code is refused. */
export function grantName(name: string): string | undefined {
  const detail = pathSegmentName(name);
  if (detail !== undefined) return detail;
  return name.length < TOKEN_NAME_CHARACTERS ? `must be at least ${TOKEN_NAME_CHARACTERS} characters long` : undefined;
}

/** What is wrong with a token or code, beside its times. */
export function grantErrors(grant: Grant): FieldError[] {
  const { redirectURI = '', userUID = '' } = grant;
  const problem = redirectProblem(redirectURI);
  return [
    ...clientNameErrors(grant.clientName ?? ''),
    ...userNameErrors(grant.userName ?? ''),
    ...scopeErrors(grant.scopes ?? []),
    ...(userUID === '' ? [required('userUID')] : []),
    ...(problem === undefined ? [] : [invalidValue('redirectURI', redirectURI, problem)]),
  ];
}

/** Why a client may not be redirected there, in OpenShift's words; undefined if it may. */
export function redirectProblem(redirect: string): string | undefined {
  if (redirect === '') return 'may not be empty';
  if (!URL.canParse(redirect, 'https://localhost')) return `parse "${redirect}": invalid URL`;
  const [beforeFragment = '', fragment = ''] = redirect.split('#', 2);
  if (fragment !== '') return 'may not contain a fragment';
  const path = (beforeFragment.split('?', 1)[0] ?? '').replace(/^[a-z][a-z0-9+.-]*:(?:\/\/[^/]*)?/i, '');
  const segment = path.split('/').find((one) => one === '.' || one === '..');
  return segment === undefined ? undefined : `may not contain a path segment of ${segment}`;
}

function clientNameErrors(name: string): FieldError[] {
  if (name === '') return [required('clientName')];
  const detail = serviceAccountOf(name) ? undefined : dnsSubdomain(name);
  return detail === undefined ? [] : [invalidValue('clientName', name, detail)];
}

function userNameErrors(name: string): FieldError[] {
  if (name === '') return [required('userName')];
  const detail = userName(name);
  return detail === undefined ? [] : [invalidValue('userName', name, detail)];
}

function scopeErrors(scopes: readonly string[]): FieldError[] {
  if (scopes.length === 0) return [required('scopes', 'may not be empty')];
  return scopes.flatMap((scope, index) => {
    const problem = scopeProblem(scope);
    return problem === undefined ? [] : [invalidValue(`scopes[${index}]`, scope, problem)];
  });
}
