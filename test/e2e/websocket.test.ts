/** Watches over WebSockets, frame by frame over TLS, as a browser would have them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { askApi } from '../api.ts';
import { startServer, type TestServer } from '../server.ts';

const WATCH = '/api/v1/namespaces?watch=1&fieldSelector=metadata.name%3Ddefault';
const TIMEOUT_MS = 20_000;

let server: TestServer;
before(async () => {
  server = await startServer();
});
after(async () => {
  await server?.kill();
});

/** Opens a connection, asks for a WebSocket, and gathers what comes. */
class Client implements Disposable {
  readonly socket: TLSSocket;
  #received: Buffer = Buffer.alloc(0);
  #look = (): void => undefined;
  ended = false;

  constructor(path: string, headers: Readonly<Record<string, string>>, { apiUrl, ca }: TestServer = server) {
    const { hostname, port } = new URL(apiUrl);
    this.socket = connect({ host: hostname, port: Number(port), ca, ALPNProtocols: ['http/1.1'] });
    this.socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#look();
    });
    for (const event of ['end', 'error', 'close']) {
      this.socket.on(event, () => {
        this.ended = true;
        this.#look();
      });
    }
    const lines = [
      `GET ${path} HTTP/1.1`,
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  /** Resolves as soon as `find` gives something of what has come. */
  until<T>(find: (received: Buffer) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it did not come: ${this.#received.toString()}`)), TIMEOUT_MS);
      this.#look = () => {
        const found = find(this.#received);
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      };
      this.#look();
    });
  }

  /** The head of the answer; it is taken out of what has come. */
  async head(): Promise<string> {
    const end = await this.until((received) => {
      const at = received.indexOf('\r\n\r\n');
      return at < 0 ? undefined : at + 4;
    });
    const head = this.#received.toString('latin1', 0, end);
    this.#received = this.#received.subarray(end);
    return head;
  }

  /** The next frame; it is taken out of what has come. */
  async frame(): Promise<{ readonly opcode: number; readonly content: Buffer }> {
    const [start, length] = await this.until((received) => {
      const short = (received[1] ?? 0) & 0x7f;
      const at = short === 126 ? 4 : 2;
      if (received.length < at) return undefined;
      const bytes = short === 126 ? received.readUInt16BE(2) : short;
      return received.length < at + bytes ? undefined : ([at, bytes] as const);
    });
    const opcode = (this.#received[0] ?? 0) & 0x0f;
    const content = this.#received.subarray(start, start + length);
    this.#received = this.#received.subarray(start + length);
    return { opcode, content };
  }

  /** Sends a frame, masked as clients must. */
  send(opcode: number, content: Buffer): void {
    const mask = Buffer.of(1, 2, 3, 4);
    const masked = content.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
    this.socket.write(Buffer.concat([Buffer.of(0x80 | opcode, 0x80 | content.length), mask, masked]));
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

const bearer = ({ token } = server): Record<string, string> => ({ Authorization: `Bearer ${token}` });

test('each event is a text frame; pings are answered; a goodbye is answered by one', async () => {
  using client = new Client(WATCH, bearer());
  const head = await client.head();
  assert.match(head, /^HTTP\/1\.1 101 /);
  // The example of RFC 6455, section 1.3.
  assert.match(head, /^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/m);
  const { opcode, content } = await client.frame();
  assert.equal(opcode, 1);
  const event = JSON.parse(content.toString()) as { type: string; object: { metadata: { name: string } } };
  assert.deepEqual([event.type, event.object.metadata.name], ['ADDED', 'default']);
  client.send(9, Buffer.from('still there?'));
  assert.deepEqual(await client.frame(), { opcode: 10, content: Buffer.from('still there?') });
  const labels = { metadata: { labels: { seen: 'yes' } } };
  const api = { url: server.apiUrl, token: server.token, ca: server.ca };
  const patch = { method: 'PATCH', body: labels, type: 'application/merge-patch+json' };
  const changed = await askApi(api, '/api/v1/namespaces/default', patch);
  assert.equal(changed.status, 200);
  assert.match((await client.frame()).content.toString(), /^\{"type":"MODIFIED".*"seen":"yes"/);
  client.send(8, Buffer.of(0x03, 0xe8));
  assert.deepEqual(await client.frame(), { opcode: 8, content: Buffer.of(0x03, 0xe8) });
  await client.until(() => (client.ended ? true : undefined));
});

test('a browser sends its token as a subprotocol, and is given the other one', async () => {
  const token = Buffer.from(server.token).toString('base64url');
  const protocols = `base64url.bearer.authorization.k8s.io.${token}, base64.binary.k8s.io`;
  using client = new Client(WATCH, { 'Sec-WebSocket-Protocol': protocols });
  const head = await client.head();
  assert.match(head, /^HTTP\/1\.1 101 [\s\S]*^Sec-WebSocket-Protocol: base64\.binary\.k8s\.io\r$/m);
  assert.ok(!head.includes(token));
  assert.match((await client.frame()).content.toString(), /^\{"type":"ADDED"/);
});

test('what may not watch is refused before anything is upgraded', async () => {
  for (const [path, headers, code] of [
    [WATCH, {}, /^HTTP\/1\.1 40[13] /],
    [WATCH, { ...bearer(), 'Sec-WebSocket-Version': '8' }, /^HTTP\/1\.1 400 /],
    ['/api/v1/nothing?watch=1', bearer(), /^HTTP\/1\.1 404 /],
    // What is no watch is answered as if nothing else had been asked for.
    ['/api/v1/namespaces/default', bearer(), /^HTTP\/1\.1 200 /],
  ] as const) {
    using client = new Client(path, headers);
    assert.match(await client.head(), code, path);
    await client.until(() => (client.ended ? true : undefined));
  }
});

test('frames that no client may send end the connection with a reason', async () => {
  for (const [bytes, reason] of [
    [Buffer.of(0x81, 0x00), 1002],
    [Buffer.of(0xc1, 0x80, 1, 2, 3, 4), 1002],
    [Buffer.of(0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4), 1009],
  ] as const) {
    using client = new Client(WATCH, bearer());
    await client.head();
    await client.frame();
    client.socket.write(bytes);
    const { opcode, content } = await client.frame();
    assert.deepEqual([opcode, content.readUInt16BE()], [8, reason]);
    await client.until(() => (client.ended ? true : undefined));
  }
});

test('a server that stops says goodbye', async () => {
  await using other = await startServer();
  using client = new Client(WATCH, bearer(other), other);
  await client.head();
  await client.frame();
  const stopped = other.stop();
  assert.equal((await client.frame()).opcode, 8);
  client.socket.end();
  assert.equal(await stopped, 0);
});
