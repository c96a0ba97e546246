/** Ports of this machine, for programs that tests start. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Ports that nobody listened on a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = servers.map(async (server) => {
    if (!server.listening) await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
  return Promise.all(ports);
}

/** A port that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** Resolves if somebody listens on a port, rejects if not. */
export async function listens(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
