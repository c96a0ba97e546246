/** A real OpenID Connect provider on 127.0.0.1, and people who log in there. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Provider } from 'oidc-provider';
import { issueCertificate, newKey } from '../src/access/x509.ts';
import { type Answer, ask, json } from './http.ts';
import { temporaryFolder } from './program.ts';

const CALLBACK = 'https://client.test/back';

export interface OidcProvider extends AsyncDisposable {
  readonly issuer: string;
  /** Path of the PEM of its authority. */
  readonly caFile: string;
  /** Logs somebody in and gives the ID token; `client` is for whom it is made. */
  idToken(account: string, client?: string): Promise<string>;
  /** Signs with another key from then on, and takes the old one back. */
  rotate(): void;
}

type Claims = Readonly<Record<string, unknown>>;

/** Starts a provider with the clients `headgate` and `other`. `claims` are those of an account, beside its name. */
export async function startOidcProvider(claims: (account: string) => Claims): Promise<OidcProvider> {
  const { ca, key, certificate } = await certificates();
  let handle: (req: IncomingMessage, res: ServerResponse) => unknown = () => undefined;
  const server = https.createServer({ key, cert: certificate }, (req, res) => void handle(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rotate = (): void => {
    handle = providerOf(issuer, claims).callback();
  };
  rotate();
  const caFile = join(temporaryFolder(), 'ca.crt');
  writeFileSync(caFile, ca);
  return {
    issuer,
    caFile,
    rotate,
    idToken: (account, client = 'headgate') => new Browser(issuer, ca).logIn(account, client),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function providerOf(issuer: string, claims: (account: string) => Claims): Provider {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const client = (client_id: string) => ({ client_id, client_secret: 'secret', redirect_uris: [CALLBACK] });
  const provider = new Provider(issuer, {
    clients: [client('headgate'), client('other')],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid: crypto.randomUUID() }] },
    cookies: { keys: ['a', 'b'] },
    claims: { openid: ['sub', 'groups', 'email', 'email_verified', 'hd'] },
    conformIdTokenClaims: false,
    pkce: { required: () => false },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId, ...claims(accountId) }) }),
    ttl: { IdToken: 300, AccessToken: 300, Interaction: 300, Session: 300, Grant: 300 },
  });
  return provider;
}

async function certificates(): Promise<{ ca: string; key: string; certificate: string }> {
  const [issuerKey, ownKey] = [newKey(), newKey()];
  const issuerPublicKey = createPublicKey(issuerKey);
  const issuer = { commonName: 'oidc-test-ca' };
  const common = { issuer, issuerKey, issuerPublicKey, now: new Date(), days: 1 };
  const ca = await issueCertificate({
    ...common,
    subject: issuer,
    publicKey: issuerPublicKey,
    purpose: { is: 'authority' },
  });
  const certificate = await issueCertificate({
    ...common,
    subject: { commonName: 'oidc-test' },
    publicKey: createPublicKey(ownKey),
    purpose: { is: 'server', names: ['127.0.0.1'] },
  });
  return { ca, key: ownKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certificate };
}

/** As much of a browser as the pages of the provider need. */
class Browser {
  readonly #issuer: string;
  readonly #ca: string;
  readonly #cookies = new Map<string, string>();

  constructor(issuer: string, ca: string) {
    this.#issuer = issuer;
    this.#ca = ca;
  }

  async logIn(account: string, client: string): Promise<string> {
    const wish = { client_id: client, redirect_uri: CALLBACK, response_type: 'code', scope: 'openid' };
    let at = `${this.#issuer}/auth?${new URLSearchParams(wish).toString()}`;
    while (!at.startsWith(CALLBACK)) at = await this.#next(at, account);
    const code = new URL(at).searchParams.get('code') ?? '';
    const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK };
    const answer = await this.#ask(`${this.#issuer}/token`, form, {
      Authorization: `Basic ${Buffer.from(`${client}:secret`).toString('base64')}`,
    });
    return (json(answer) as { id_token: string }).id_token;
  }

  /** Fills in the form of a page, or follows a redirect. */
  async #next(url: string, account: string): Promise<string> {
    let answer = await this.#ask(url);
    if (answer.status === 200) {
      const html = answer.body.toString();
      const [, action = url] = /<form[^>]* action="([^"]+)"/.exec(html) ?? [];
      const [, prompt = 'login'] = /name="prompt" value="([^"]+)"/.exec(html) ?? [];
      answer = await this.#ask(action, { prompt, login: account, password: 'any' });
    }
    const { location } = answer.headers;
    if (location === undefined) throw new Error(`${url} answers ${answer.status}: ${answer.body.toString()}`);
    return new URL(location, url).href;
  }

  async #ask(url: string, form?: Record<string, string>, more: Record<string, string> = {}): Promise<Answer> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = {
      ...(cookie !== '' && { Cookie: cookie }),
      ...(form && { 'Content-Type': 'application/x-www-form-urlencoded' }),
      ...more,
    };
    const body = form && new URLSearchParams(form).toString();
    const answer = await ask(new URL(url, this.#issuer), {
      method: form ? 'POST' : 'GET',
      headers,
      ca: this.#ca,
      ...(body !== undefined && { body }),
    });
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answer;
  }
}
