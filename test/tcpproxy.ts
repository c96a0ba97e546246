/** A TCP proxy that can cut what goes through it, or hold it up, as bad networks do. */
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';

export interface TcpProxy extends AsyncDisposable {
  /** `HOST:PORT` */
  readonly endpoint: string;
  /** Breaks all connections. */
  cut(): void;
  /** Holds everything up, new connections too, until `resume`. */
  pause(): void;
  resume(): void;
}

/** Starts a proxy before `HOST:PORT`. `change` may change what clients send on its way. */
export async function startProxy(
  target: string,
  change: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<TcpProxy> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  let paused = false;
  const keep = (socket: Socket, other: Socket, pass: (bytes: Buffer) => Buffer): void => {
    sockets.add(socket);
    if (paused) socket.pause();
    socket.on('data', (bytes: Buffer) => other.write(pass(bytes)));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
  };
  const server = createServer((client) => {
    const upstream = createConnection({ host, port: Number(port) });
    keep(client, upstream, change);
    keep(upstream, client, (bytes) => bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    endpoint: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    cut,
    pause() {
      paused = true;
      for (const socket of sockets) socket.pause();
    },
    resume() {
      paused = false;
      for (const socket of sockets) socket.resume();
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
