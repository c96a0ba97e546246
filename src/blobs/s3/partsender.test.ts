import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { test } from 'node:test';
import { type OutgoingPart, PartSender } from './partsender.ts';

const NEVER = new AbortController().signal;
const BYTES = Buffer.alloc(300_000, 'x');

interface Server extends AsyncDisposable {
  readonly sender: PartSender;
  readonly part: OutgoingPart;
  /** What has come. */
  readonly asked: { readonly path: string; readonly length: number; readonly authorization: string }[];
  connections(): number;
}

async function serve(answer: (req: IncomingMessage, res: ServerResponse) => void): Promise<Server> {
  const asked: Server['asked'] = [];
  let connections = 0;
  const server = http.createServer((req, res) => {
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    req.on('end', () => {
      asked.push({ path: req.url ?? '', length, authorization: req.headers.authorization ?? '' });
      answer(req, res);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const agent = new http.Agent({ keepAlive: true });
  const credentials = async () => ({ accessKeyId: 'AK', secretAccessKey: 'SK' });
  const signed = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2Feu-west-1%2Fs3%2Faws4_request';
  return {
    sender: new PartSender({ httpAgent: agent, httpsAgent: agent, credentials }),
    part: {
      address: new URL(`http://127.0.0.1:${port}/images/a%20b?${signed}`),
      uploadId: 'u/1',
      number: 7,
      bytes: BYTES,
      crc32: 'AAAAAA==',
    },
    asked,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function refuse(status: number, code: string): (req: IncomingMessage, res: ServerResponse) => void {
  return (_req, res) => {
    res.statusCode = status;
    res.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>it is so</Message></Error>`);
  };
}

test('parts go to the address of the object, signed, by one connection', async () => {
  await using server = await serve((_req, res) => res.setHeader('ETag', '"e"').end());
  for (let time = 0; time < 3; time++) assert.equal(await server.sender.send(server.part, NEVER), '"e"');
  const [first] = server.asked;
  assert.deepEqual([first?.path, first?.length], ['/images/a%20b?partNumber=7&uploadId=u%2F1', BYTES.length]);
  assert.match(first?.authorization ?? '', /^AWS4-HMAC-SHA256 Credential=AK\/\d{8}\/eu-west-1\/s3\/aws4_request, /);
  assert.equal(server.connections(), 1);
});

test('what S3 cannot do now, or does not know, is thrown as the SDK throws it', async () => {
  for (const [status, code] of [
    [503, 'SlowDown'],
    [500, 'InternalError'],
    [404, 'NoSuchUpload'],
    [507, 'XMinioStorageFull'],
  ] as const) {
    await using server = await serve(refuse(status, code));
    await assert.rejects(server.sender.send(server.part, NEVER), {
      name: code,
      message: 'it is so',
      $metadata: { httpStatusCode: status },
    });
  }
});

test('refusals, redirects and answers that say too little are left to the SDK', async () => {
  for (const answer of [refuse(403, 'AccessDenied'), refuse(301, 'PermanentRedirect'), refuse(200, 'None')]) {
    await using server = await serve(answer);
    assert.equal(await server.sender.send(server.part, NEVER), undefined);
  }
});

test('where the SDK succeeds and this does not, all is left to the SDK after a while', async () => {
  await using server = await serve(refuse(403, 'AccessDenied'));
  for (let time = 0; time < 6; time++) {
    assert.equal(await server.sender.send(server.part, NEVER), undefined);
    server.sender.failed();
  }
  assert.equal(server.asked.length, 3);
});

test('an address that is signed in another way is left to the SDK', async () => {
  await using server = await serve((_req, res) => res.setHeader('ETag', '"e"').end());
  for (const [name, value] of [
    ['X-Amz-Algorithm', 'AWS4-ECDSA-P256-SHA256'],
    ['X-Amz-Credential', 'AK/20260101/eu-west-1/s3express/aws4_request'],
    ['X-Amz-S3session-Token', 'token'],
  ] as const) {
    const address = new URL(server.part.address);
    address.searchParams.set(name, value);
    assert.equal(await server.sender.send({ ...server.part, address }, NEVER), undefined);
  }
  assert.equal(server.asked.length, 0);
});

test('a connection that breaks, and a try that takes too long, are errors', async () => {
  await using broken = await serve((_req, res) => res.destroy());
  await assert.rejects(broken.sender.send(broken.part, NEVER), { code: 'ECONNRESET' });
  await using silent = await serve(() => undefined);
  const controller = new AbortController();
  const sent = assert.rejects(silent.sender.send(silent.part, controller.signal), { name: 'TimeoutError' });
  while (silent.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  await sent;
});
