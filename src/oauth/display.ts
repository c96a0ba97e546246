/** Pages for people who want a token to copy: `/oauth/token/request`, `/oauth/token/display`. */
import { BROWSER_CLIENT, DISPLAY_PATH, findClient } from '../cluster/oauthclients.ts';
import { exchangeCode } from '../cluster/oauthissue.ts';
import { OAuthRefusal, readForm, redirect, sendPage, sendText } from './answer.ts';
import { requireMethod } from './authorize.ts';
import { csrfOf, hasCsrf } from './csrf.ts';
import type { OAuthExchange } from './exchange.ts';
import { showPage, tokenPage } from './pages.ts';

/** Sends a browser to the login, and from there to `display`. */
export function request({ res, issuer }: OAuthExchange): void {
  const members = { client_id: BROWSER_CLIENT, redirect_uri: issuer + DISPLAY_PATH, response_type: 'code' };
  redirect(res, `${issuer}/oauth/authorize?${new URLSearchParams(members).toString()}`);
}

/** GET asks whether to show the token; POST shows it. @throws {OAuthRefusal}, {StoreError} */
export async function display(exchange: OAuthExchange): Promise<void> {
  requireMethod(exchange, 'GET', 'POST');
  const { req, res, query, issuer, services, context } = exchange;
  if (req.method === 'GET') {
    const code = query.get('code') ?? '';
    if (code === '')
      throw new OAuthRefusal(400, 'invalid_request', query.get('error_description') ?? 'there is no code');
    const { secret, headers } = csrfOf(req);
    return sendPage(res, 200, showPage(secret, code), headers);
  }
  const form = await readForm(req);
  if (!hasCsrf(req, form.get('csrf'))) {
    throw new OAuthRefusal(400, 'invalid_request', 'this form is old, or was not made by this server');
  }
  const client = await findClient(services, BROWSER_CLIENT);
  const issued =
    client &&
    (await exchangeCode(context({ name: BROWSER_CLIENT, groups: [] }), {
      code: form.get('code') ?? '',
      client,
      redirectUri: issuer + DISPLAY_PATH,
      verifier: '',
      trusted: true,
    }));
  if (!issued) throw new OAuthRefusal(400, 'invalid_grant', 'the code was used, or is too old: request another token');
  sendPage(res, 200, tokenPage(issuer, issued.token));
}

/** Where command lines are sent back to; they read the redirect and do not follow it. */
export function implicit({ res }: OAuthExchange): void {
  sendText(res, 200, 'The token or code stands in the address that led here, which is for programs to read.\n');
}
