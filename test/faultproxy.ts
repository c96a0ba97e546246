/**
 * A proxy that stands before an HTTP server and does to its requests what networks and overloaded servers do. Which
 * request meets what is decided by a plan, so that a seeded generator of numbers gives the same faults again.
 */
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';

/** What happens to one request. */
export type Fault =
  | { readonly kind: 'none' }
  /** The server is not asked; the answer is S3's XML for that code. */
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string }
  /** The server does what it is asked, and its answer is lost: the connection is reset. */
  | { readonly kind: 'lose answer' }
  /** The connection is reset before anything is passed on. */
  | { readonly kind: 'reset' }
  /** So many bytes of the answer's body come, and then the connection is closed. */
  | { readonly kind: 'cut'; readonly bytes: number }
  /** The body comes in pieces of so many bytes, one each so many milliseconds. */
  | { readonly kind: 'slow'; readonly bytes: number; readonly ms: number }
  /** Nothing ever comes. */
  | { readonly kind: 'silence' };

/** Decides what happens to a request. */
export type Plan = (request: { readonly method: string; readonly path: string }) => Fault;

const NONE: Fault = { kind: 'none' };

export interface FaultProxy extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  /** Requests so far. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly fault: Fault['kind'] }[];
  /** Does this from now on. Without a plan all passes. */
  follow(plan?: Plan): void;
}

/** Starts a proxy before a server at `http://127.0.0.1:PORT`. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let plan: Plan = () => NONE;
  const requests: { method: string; path: string; fault: Fault['kind'] }[] = [];
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((req, res) => {
    const request = { method: req.method ?? '', path: req.url ?? '' };
    const fault = plan(request);
    requests.push({ ...request, fault: fault.kind });
    void answer(fault, { req, res, target, agent });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    follow: (next = () => NONE) => {
      plan = next;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      agent.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Passage {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly target: string;
  readonly agent: http.Agent;
}

async function answer(fault: Fault, passage: Passage): Promise<void> {
  const { req, res } = passage;
  req.on('error', () => undefined);
  res.on('error', () => undefined);
  switch (fault.kind) {
    case 'silence':
      return;
    case 'reset':
      req.socket.resetAndDestroy();
      return;
    case 'refuse': {
      req.resume();
      const body = `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>a fault of the test</Message></Error>`;
      res.writeHead(fault.status, { 'Content-Type': 'application/xml', 'Content-Length': Buffer.byteLength(body) });
      res.end(req.method === 'HEAD' ? undefined : body);
      return;
    }
    default:
      await pass(fault, passage);
  }
}

/** Asks the server, and gives its answer as the fault lets it. */
async function pass(fault: Fault, { req, res, target, agent }: Passage): Promise<void> {
  const { expect: _, ...headers } = req.headers;
  const asked = http.request(new URL(req.url ?? '/', target), { method: req.method ?? 'GET', headers, agent });
  req.pipe(asked);
  // A client that goes away takes its request with it.
  res.on('close', () => asked.destroy());
  try {
    const [answered] = (await once(asked, 'response')) as [IncomingMessage];
    if (fault.kind === 'lose answer') {
      answered.resume();
      await once(answered, 'close');
      req.socket.resetAndDestroy();
      return;
    }
    res.writeHead(answered.statusCode ?? 502, answered.headers);
    res.flushHeaders();
    await sendAs(fault, answered, res);
  } catch {
    req.socket.destroy();
  }
}

async function sendAs(fault: Fault, body: IncomingMessage, res: ServerResponse): Promise<void> {
  if (fault.kind !== 'cut' && fault.kind !== 'slow') {
    body.pipe(res);
    return;
  }
  let left = fault.kind === 'cut' ? fault.bytes : Number.POSITIVE_INFINITY;
  for await (const chunk of body) {
    const bytes = (chunk as Buffer).subarray(0, left);
    left -= bytes.length;
    if (fault.kind === 'slow') {
      for (let at = 0; at < bytes.length && !res.destroyed; at += fault.bytes) {
        res.write(bytes.subarray(at, at + fault.bytes));
        await new Promise((resolve) => setTimeout(resolve, fault.ms));
      }
    } else if (!res.write(bytes)) {
      await once(res, 'drain');
    }
    if (left === 0) {
      // What was written must be on its way before the connection ends.
      await new Promise((resolve) => setImmediate(resolve));
      res.destroy();
      return;
    }
  }
  res.end();
}
