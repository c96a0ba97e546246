/** The client against registries on 127.0.0.1. */
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { suite, test } from 'node:test';
import { refuse, startUpstream, type Upstream } from '../../test/upstream.ts';
import { digestOf } from '../image/digest.ts';
import { OCI_MANIFEST } from '../image/mediatype.ts';
import { parseReference } from '../image/reference.ts';
import { openRegistries } from './client.ts';
import type { Guard } from './guard.ts';
import { type RegistryCredentials, RemoteError, type RemoteErrorKind, type RemoteRepository } from './remote.ts';

const HERE = { allowPrivate: true, deny: [] };
const ME: RegistryCredentials = { username: 'me', password: 'secret' };
const BASIC = `Basic ${Buffer.from('me:secret').toString('base64')}`;

function open(upstream: Upstream, credentials?: RegistryCredentials, guard?: Guard): RemoteRepository {
  const registries = openRegistries(HERE, { retryMs: 1, ...(guard && { guard }) });
  return registries.open(parseReference(`${upstream.host}/team/app`), { insecure: true, credentials });
}

async function fails(work: Promise<unknown>, kind: RemoteErrorKind, words: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof RemoteError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, words);
    return true;
  });
}

suite('reading', () => {
  test('manifests by tag and digest, blobs, sizes, tags', async () => {
    await using upstream = await startUpstream();
    const image = upstream.addImage('team/app', '1.0', 'one');
    const blob = upstream.addBlob(Buffer.from('some bytes'));
    const repository = open(upstream);
    const expected = { bytes: image.bytes, mediaType: OCI_MANIFEST, digest: image.digest };
    assert.deepEqual(await repository.getManifest({ tag: '1.0' }), expected);
    assert.deepEqual(await repository.getManifest({ digest: image.digest }), expected);
    assert.equal((await repository.getBlob(blob, 100)).toString(), 'some bytes');
    assert.equal(await repository.statBlob(blob), 10);
    assert.deepEqual(await repository.listTags(), ['1.0']);
    assert.equal(upstream.requests.filter((line) => line === 'GET /v2/').length, 1, 'it is pinged once');
  });
  test('what is not there is not found', async () => {
    await using upstream = await startUpstream();
    const repository = open(upstream);
    await fails(repository.getManifest({ tag: 'absent' }), 'not-found', /manifest unknown/);
    await fails(repository.getBlob(digestOf('absent'), 10), 'not-found', /blob unknown/);
    await fails(repository.listTags(), 'not-found', /repository name not known/);
  });
  test('what has another digest is refused', async () => {
    await using upstream = await startUpstream();
    const image = upstream.addImage('team/app', '1.0', 'one');
    const other = digestOf('other');
    upstream.intercept = (_req, res, url) => {
      if (url.pathname === '/v2/') return false;
      res.setHeader('Docker-Content-Digest', other);
      res.setHeader('Content-Type', OCI_MANIFEST);
      res.end(image.bytes);
      return true;
    };
    const repository = open(upstream);
    await fails(repository.getManifest({ digest: other }), 'failed', /content integrity error/);
    await fails(repository.getManifest({ tag: '1.0' }), 'failed', /content integrity error/);
    await fails(repository.getBlob(other, 10_000), 'failed', /content integrity error/);
  });
  test('no more is read than was asked for', async () => {
    await using upstream = await startUpstream();
    const blob = upstream.addBlob(Buffer.alloc(200_000));
    await fails(open(upstream).getBlob(blob, 1000), 'failed', /more than 1000 bytes/);
  });
  test('lists of tags are read to their end, on the same server, and once', async () => {
    await using upstream = await startUpstream();
    const links = new Map([
      ['', '</v2/team/app/tags/list?last=b>; rel="next"'],
      ['b', '<http://elsewhere.test/v2/team/app/tags/list?last=c>; rel="next"'],
    ]);
    upstream.intercept = (_req, res, url) => {
      if (!url.pathname.endsWith('/tags/list')) return false;
      const last = url.searchParams.get('last') ?? '';
      const link = links.get(last);
      if (link) res.setHeader('Link', link);
      res.end(JSON.stringify({ tags: { '': ['a', 'b'], b: ['c'], c: null }[last] }));
      return true;
    };
    assert.deepEqual(await open(upstream).listTags(), ['a', 'b', 'c']);
    links.set('b', links.get('') ?? '');
    await fails(open(upstream).listTags(), 'failed', /does not go on/);
  });
});

suite('who is asking', () => {
  const needsBasic = (req: IncomingMessage, res: ServerResponse): boolean =>
    req.headers.authorization === BASIC
      ? false
      : refuse(res, 401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': 'Basic realm="up"' });

  test('a password, where it is asked for', async () => {
    await using upstream = await startUpstream();
    const image = upstream.addImage('team/app', '1.0', 'one');
    upstream.intercept = needsBasic;
    assert.equal((await open(upstream, ME).getManifest({ tag: '1.0' })).digest, image.digest);
    await fails(
      open(upstream).getManifest({ tag: '1.0' }),
      'no-credentials',
      /^Get "http:.*no basic auth credentials$/,
    );
    const wrong = { username: 'me', password: 'wrong' };
    const before = upstream.requests.length;
    await fails(open(upstream, wrong).getManifest({ tag: '1.0' }), 'unauthorized', /authentication required/);
    assert.equal(upstream.requests.length, before + 2, 'a refused password is not tried again');
  });
  test('a password is not shown to who does not ask', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    await open(upstream, ME).getManifest({ tag: '1.0' });
    assert.deepEqual(new Set(upstream.authorizations), new Set(['']));
  });

  /** Answers as a registry with tokens: `/token` gives one that is good for `uses` requests. */
  const tokens = (upstream: Upstream, uses = Number.POSITIVE_INFINITY) => {
    let left = 0;
    upstream.intercept = (req, res, url) => {
      if (url.pathname === '/token') {
        if (req.headers.authorization !== BASIC) {
          res.writeHead(401, { 'Content-Type': 'application/json' });
          res.end('{"details":"incorrect username or password"}');
          return true;
        }
        left = uses;
        res.end(JSON.stringify({ token: 'good', expires_in: 300 }));
        return true;
      }
      if (req.headers.authorization === 'Bearer good' && left-- > 0) return false;
      const challenge = `Bearer realm="http://${upstream.host}/token?x=1",service="up",scope="repository:team/app:pull"`;
      return refuse(res, 401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': challenge });
    };
  };
  test('a token, fetched once for many requests', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    tokens(upstream);
    const repository = open(upstream, ME);
    await Promise.all([repository.getManifest({ tag: '1.0' }), repository.listTags()]);
    await repository.getManifest({ tag: '1.0' });
    const asked = upstream.requests.filter((line) => line.includes('/token'));
    assert.ok(asked.length <= 2, asked.join());
    assert.equal(asked[0], 'GET /token?x=1&service=up&scope=repository%3Ateam%2Fapp%3Apull&account=me');
  });
  test('a new token where the old one ended early', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    tokens(upstream, 1);
    const repository = open(upstream, ME);
    for (let times = 0; times < 3; times++) await repository.getManifest({ tag: '1.0' });
  });
  test('a wrong password is told from a missing one', async () => {
    await using upstream = await startUpstream();
    tokens(upstream);
    const wrong = { username: 'me', password: 'wrong' };
    await fails(open(upstream, wrong).listTags(), 'wrong-credentials', /incorrect username or password$/);
    await fails(open(upstream).listTags(), 'unauthorized', /incorrect username or password$/);
  });
  test('only where something is asked for, if the registry greets anyone', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    upstream.intercept = (req, res, url) => url.pathname !== '/v2/' && needsBasic(req, res);
    await open(upstream, ME).getManifest({ tag: '1.0' });
  });
  test('no token comes from where we may not go', async () => {
    await using upstream = await startUpstream();
    upstream.intercept = (_req, res) =>
      refuse(res, 401, 'UNAUTHORIZED', 'x', { 'WWW-Authenticate': 'Bearer realm="http://10.0.0.1/token"' });
    const guard: Guard = {
      async admit(_hostname, from) {
        if (from !== undefined) throw new Error(`refused, from ${from}`);
        return { address: '127.0.0.1', family: 4, zone: 'public' };
      },
    };
    await fails(open(upstream, ME, guard).listTags(), 'failed', /refused, from public/);
  });
});

suite('redirects', () => {
  const redirecting = (upstream: Upstream, to: (path: string) => string) => {
    upstream.intercept = (req, res, url) => {
      if (url.pathname === '/v2/' || !req.headers.authorization) {
        return refuse(res, 401, 'UNAUTHORIZED', 'x', { 'WWW-Authenticate': 'Basic realm="up"' });
      }
      res.writeHead(307, { Location: to(url.pathname) });
      res.end();
      return true;
    };
  };
  test('are followed, without credentials for another server', async () => {
    await using upstream = await startUpstream();
    await using other = await startUpstream();
    const blob = other.addBlob(Buffer.from('elsewhere'));
    redirecting(upstream, (path) => `http://user:word@${other.host}${path}?signature=hidden`);
    assert.equal((await open(upstream, ME).getBlob(blob, 100)).toString(), 'elsewhere');
    assert.deepEqual(other.authorizations, ['']);
    assert.match(upstream.authorizations.at(-1) ?? '', /^Basic /);
  });
  test('not for ever', async () => {
    await using upstream = await startUpstream();
    redirecting(upstream, (path) => path);
    await fails(open(upstream, ME).listTags(), 'failed', /stopped after 5 redirects/);
  });
  test('not out of HTTP', async () => {
    await using upstream = await startUpstream();
    redirecting(upstream, () => 'file:///etc/passwd');
    await fails(open(upstream, ME).listTags(), 'failed', /no HTTP address/);
  });
  test('not from the Internet into private networks, and errors do not show signatures', async () => {
    await using upstream = await startUpstream();
    await using other = await startUpstream();
    redirecting(upstream, (path) => `http://${other.host}${path}?signature=hidden`);
    const guard: Guard = {
      async admit(_hostname, from) {
        if (from === 'public') throw new Error('refused');
        return { address: '127.0.0.1', family: 4, zone: 'public' };
      },
    };
    await fails(open(upstream, ME, guard).listTags(), 'failed', /tags\/list": refused$/);
    assert.deepEqual(other.requests, []);
  });
});

suite('trouble', () => {
  test('plain HTTP is refused unless it may be', async () => {
    await using upstream = await startUpstream();
    const repository = openRegistries(HERE).open(parseReference(`${upstream.host}/a/b`), {
      insecure: false,
      credentials: undefined,
    });
    const words = `Get "https://${upstream.host}/v2/": http: server gave HTTP response to HTTPS client`;
    await fails(repository.listTags(), 'failed', new RegExp(`^${RegExp.escape(words)}$`));
    assert.deepEqual(upstream.requests, []);
  });
  test('this machine is out of reach unless it may be reached', async () => {
    await using upstream = await startUpstream();
    const closed = openRegistries({ allowPrivate: false, deny: [] });
    const reference = parseReference(`${upstream.host}/a/b`);
    const repository = closed.open(reference, { insecure: true, credentials: undefined });
    await fails(repository.listTags(), 'failed', /which is a loopback address/);
    assert.deepEqual(upstream.requests, []);
  });
  test('what cannot be answered for the moment is asked again', async () => {
    await using upstream = await startUpstream();
    upstream.addImage('team/app', '1.0', 'one');
    let left = 2;
    upstream.intercept = (_req, res, url) => {
      if (url.pathname === '/v2/' || left-- <= 0) return false;
      if (left === 0) res.destroy();
      else refuse(res, 503, 'UNAVAILABLE', 'try again');
      return true;
    };
    assert.deepEqual(await open(upstream).listTags(), ['1.0']);
    left = 100;
    upstream.intercept = (_req, res, url) => url.pathname !== '/v2/' && refuse(res, 502, 'X', 'x');
    await fails(open(upstream).listTags(), 'failed', /received unexpected HTTP status: 502 Bad Gateway/);
  });
  test('a server that is no registry', async () => {
    await using upstream = await startUpstream();
    upstream.intercept = (_req, res) => {
      res.writeHead(404);
      res.end('<html>');
      return true;
    };
    await fails(open(upstream).listTags(), 'failed', /does not support v2 API \(got 404 Not Found\)/);
  });
  test('nobody is there', async () => {
    const upstream = await startUpstream();
    await upstream[Symbol.asyncDispose]();
    await fails(
      open(upstream).listTags(),
      'failed',
      /^Get "http:.*dial tcp 127.0.0.1:\d+: connect: connection refused$/,
    );
  });
  test('what is said is kept short and on one line', async () => {
    await using upstream = await startUpstream();
    upstream.intercept = (_req, res, url) =>
      url.pathname !== '/v2/' && refuse(res, 403, 'DENIED', `no\n\u001b[31m${'x'.repeat(5000)}`);
    await assert.rejects(open(upstream).listTags(), (error: Error) => {
      assert.match(error.message, /^denied: no \[31mx+…$/);
      assert.ok(error.message.length < 600);
      return true;
    });
  });
  test('an import that is broken off ends its requests', async () => {
    await using upstream = await startUpstream();
    const controller = new AbortController();
    upstream.intercept = (_req, _res, url) => {
      if (url.pathname === '/v2/') return false;
      controller.abort();
      return true;
    };
    const reference = parseReference(`${upstream.host}/a/b`);
    const options = { insecure: true, credentials: undefined, signal: controller.signal };
    await fails(openRegistries(HERE).open(reference, options).listTags(), 'failed', /context canceled/);
  });
});
