import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { testContext } from '../../test/context.ts';
import { OAuthRefusal } from './answer.ts';
import { authorizeRequest, RedirectedError, withMembers } from './authorizerequest.ts';

const ISSUER = 'https://headgate.test:8443';
const IMPLICIT = `${ISSUER}/oauth/token/implicit`;

/** Pieces of which addresses that mislead are made. */
const PIECES = [
  ...[
    IMPLICIT,
    ISSUER,
    'https://',
    'http://',
    '//',
    '/',
    '\\',
    '@',
    ':',
    '#',
    '?',
    '%2f',
    '%2e',
    '..',
    '.',
    ';',
    ' ',
    '\t',
    '\n',
  ],
  ...[
    'evil.test',
    'headgate.test',
    'headgate.test:8443',
    '127.0.0.1',
    '[::1]',
    ':1/callback',
    '/callback',
    '/oauth/token/implicit',
  ],
];
const address = fc.oneof(
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.string(),
);

const ctx = await testContext();

/** Where a client is sent, for good or with an error; undefined if nowhere. */
async function destination(client: string, redirect: string): Promise<string | undefined> {
  const query = new URLSearchParams({ client_id: client, redirect_uri: redirect, response_type: 'code' });
  try {
    const { redirectUri } = await authorizeRequest(ctx, query, ISSUER);
    return withMembers(redirectUri, false, { code: 'x' });
  } catch (error) {
    if (error instanceof RedirectedError) return error.location;
    assert.ok(error instanceof OAuthRefusal, String(error));
    return undefined;
  }
}

test('whatever address is asked for, nobody is sent elsewhere than to this server', async () => {
  await fc.assert(
    fc.asyncProperty(address, async (redirect) => {
      const to = await destination('openshift-challenging-client', redirect);
      assert.ok(to === undefined || to.startsWith(`${IMPLICIT}?`) || to.startsWith(`${IMPLICIT}/`), String(to));
    }),
    { numRuns: 300 },
  );
});

test('or, for a command line with a browser, to a port of this machine', async () => {
  await fc.assert(
    fc.asyncProperty(address, async (redirect) => {
      const to = await destination('openshift-cli-client', redirect);
      if (to === undefined) return;
      const { protocol, hostname, pathname } = new URL(to);
      assert.equal(protocol, 'http:');
      assert.ok(hostname === '127.0.0.1' || hostname === '[::1]', to);
      assert.match(pathname, /^\/callback(?:\/|$)/);
    }),
    { numRuns: 300 },
  );
  const back = 'http://127.0.0.1:38291/callback';
  assert.equal((await destination('openshift-cli-client', back)) ?? '', `${back}?code=x`);
});
