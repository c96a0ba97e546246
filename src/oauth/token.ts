/** `/oauth/token`: a client exchanges its code for a token. */
import { timingSafeEqual } from 'node:crypto';
import { findClient, type OAuthClient } from '../cluster/oauthclients.ts';
import { exchangeCode } from '../cluster/oauthissue.ts';
import type { HttpRequest } from '../http/message.ts';
import { OAuthRefusal, readForm, sendJson } from './answer.ts';
import { requireMethod } from './authorize.ts';
import type { OAuthExchange } from './exchange.ts';

/** Answers a request. @throws {OAuthRefusal}, {StoreError} */
export async function giveToken(exchange: OAuthExchange): Promise<void> {
  requireMethod(exchange, 'POST');
  const { req, res, context } = exchange;
  const form = await readForm(req);
  const client = await clientOf(exchange, form);
  if (form.get('grant_type') !== 'authorization_code') {
    throw new OAuthRefusal(400, 'unsupported_grant_type', 'grant_type must be authorization_code');
  }
  const given = (name: string): string => form.get(name) ?? '';
  // Who the user is stands with the code; the client acts for nobody else.
  const issued = await exchangeCode(context({ name: client.metadata.name ?? '', groups: [] }), {
    code: given('code'),
    client,
    redirectUri: given('redirect_uri'),
    verifier: given('code_verifier'),
  });
  if (!issued) {
    const why = 'the code is not known, was used, is too old, or does not belong to this client, redirect and verifier';
    throw new OAuthRefusal(400, 'invalid_grant', why);
  }
  exchange.granted('exchange', 200, { client: client.metadata.name ?? '' });
  sendJson(res, 200, {
    access_token: issued.token,
    ...(issued.expiresIn > 0 && { expires_in: issued.expiresIn }),
    scope: issued.scopes.join(' '),
    token_type: 'Bearer',
  });
}

/** The client, by Basic or in the form; one that has secrets must show one of them. */
async function clientOf({ req, services }: OAuthExchange, form: URLSearchParams): Promise<OAuthClient> {
  const { id, secret } = basicClient(req) ?? {
    id: form.get('client_id') ?? '',
    secret: form.get('client_secret') ?? '',
  };
  const client = await findClient(services, id);
  const secrets = [client?.secret ?? '', ...(client?.additionalSecrets ?? [])].filter((one) => one !== '');
  if (client && (secrets.length === 0 || secrets.some((one) => isSame(one, secret)))) return client;
  throw new OAuthRefusal(401, 'invalid_client', 'the client is not known, or its secret is wrong', {
    'WWW-Authenticate': 'Basic realm="openshift"',
  });
}

/** Both are percent-encoded before they are joined (RFC 6749 §2.3.1). */
function basicClient(req: HttpRequest): { readonly id: string; readonly secret: string } | undefined {
  const [, value] = /^basic +(\S+) *$/i.exec(req.headers.authorization ?? '') ?? [];
  if (value === undefined) return undefined;
  const text = Buffer.from(value, 'base64').toString();
  const colon = text.indexOf(':');
  try {
    return { id: decodeURIComponent(text.slice(0, colon)), secret: decodeURIComponent(text.slice(colon + 1)) };
  } catch {
    return { id: '', secret: '' };
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
