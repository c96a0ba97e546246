/** A plain TCP balancer: each connection goes to one of several servers, at random. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Balancer extends AsyncDisposable {
  /** `HOST:PORT` */
  readonly endpoint: string;
  /** `HOST:PORT` of each server that is given connections; one that refuses them is passed over. */
  targets: readonly string[];
}

/** Starts a balancer. @param random from 0 to 1, without 1. */
export async function startBalancer(random: () => number = Math.random): Promise<Balancer> {
  const sockets = new Set<Socket>();
  const balancer = { targets: [] as readonly string[] };
  const server = createServer({ pauseOnConnect: true }, (client) => {
    keep(sockets, client);
    const left = [...balancer.targets];
    const tryNext = (): void => {
      const [target] = left.splice(Math.floor(random() * left.length), 1);
      if (target === undefined) {
        client.destroy();
        return;
      }
      const [host = '', port = ''] = target.split(':');
      const upstream = connect({ host, port: Number(port) });
      upstream.once('error', tryNext);
      upstream.once('connect', () => {
        upstream.off('error', tryNext);
        keep(sockets, upstream);
        join(client, upstream);
      });
    };
    tryNext();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return Object.assign(balancer, {
    endpoint: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
}

/** Passes everything on, both ways, and the end of one to the other. */
function join(client: Socket, upstream: Socket): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.pipe(to);
    from.on('close', () => to.destroySoon());
  }
}
