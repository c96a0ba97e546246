/** Several processes on one store behind a balancer, as if they were one server. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Balancer, startBalancer } from './balancer.ts';
import { temporaryFolder } from './program.ts';
import { beginProcess, type Starting, type StartOptions, type TestServer } from './server.ts';

/** Starts them, without waiting. The first has the data folder that is asked for, the others one beside it. */
export function beginReplicas(count: number, options: StartOptions): Starting {
  const { data = join(temporaryFolder(), 'data'), flags = [] } = options;
  const processes: Starting[] = [];
  const balancers: Balancer[] = [];
  const kill = async (): Promise<void> => {
    await Promise.all(processes.map((each) => each.kill()));
    await Promise.all(balancers.map((each) => each[Symbol.asyncDispose]()));
  };
  const begin = async (): Promise<TestServer> => {
    balancers.push(await startBalancer(), await startBalancer());
    const registryHost = flags.includes('--registry-host') ? [] : ['--registry-host', balancers[1]?.endpoint ?? ''];
    for (let number = 0; number < count; number++) {
      // One that is to hold what the first does must be told so: its folder is another.
      const folder = number === 0 ? data : `${data}-${number}`;
      processes.push(beginProcess({ data: folder, shared: data, flags: [...flags, ...registryHost] }));
    }
    return oneOf(await Promise.all(processes.map((each) => each.ready)), balancers, kill);
  };
  const ready = begin();
  // Whoever kills a starting server need not wait for it to be ready.
  ready.catch(() => undefined);
  return {
    get pid() {
      return processes[0]?.pid ?? 0;
    },
    ready,
    kill,
  };
}

function oneOf(servers: readonly TestServer[], balancers: readonly Balancer[], kill: () => Promise<void>): TestServer {
  const [first] = servers;
  const [api, registry] = balancers;
  if (!first || !api || !registry) throw new Error('no replica was started');
  api.targets = servers.map(({ apiUrl }) => new URL(apiUrl).host);
  registry.targets = servers.map(({ registryUrl }) => new URL(registryUrl).host);
  const apiUrl = `https://${api.endpoint}`;
  const kubeconfig = join(first.data, 'balanced.kubeconfig');
  writeFileSync(kubeconfig, readFileSync(first.kubeconfig, 'utf8').replaceAll(first.apiUrl, apiUrl), { mode: 0o600 });
  return {
    ...first,
    apiUrl,
    registryUrl: `http://${registry.endpoint}`,
    registry: registry.endpoint,
    kubeconfig,
    output: () => servers.map((server) => server.output()).join('\n'),
    async stop() {
      const codes = await Promise.all(servers.map((server) => server.stop()));
      await kill();
      return codes.find((code) => code !== 0) ?? 0;
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}
