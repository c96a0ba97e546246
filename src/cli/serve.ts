/** `headgate serve`: starts a server, tells how to use it, stops it on a signal. */
import { flushCompileCache } from 'node:module';
import { type Config, parseConfig } from '../config.ts';
import { flagHelp, variableOf } from '../flags.ts';
import { SIGNAL_ECHO_MS } from '../limits.ts';
import type { Running } from '../main.ts';
import { makeLogger } from '../observe/logs.ts';

const HELP = `Usage: headgate serve [flags]

Starts the server: the OpenShift image API and an OCI registry.

${flagHelp()}

Each flag is also a variable, such as ${variableOf('log-level')}, and a key in the --config file.
A flag goes before the environment, the environment before the file.
`;

/**
 * Runs the server until a signal ends it.
 * @throws {ConfigError}, and what `serve` throws.
 */
export async function run(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const config = parseConfig(args, process.env);
  // Everything else is loaded only now, so that mistakes are told at once.
  const { serve, VERSION } = await import('../main.ts');
  const logger = makeLogger({ level: config.logLevel, format: config.logFormat });
  // Whoever reads our output may go; that is no reason to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  // What a request left unhandled must be seen, but the other requests need not suffer from it.
  process.on('unhandledRejection', (err) =>
    logger.error({ err }, 'unhandled rejection: this is a bug, please report it'),
  );
  const stopped = stopSignal();
  const impatience = new AbortController();
  void stopped.then(() => impatience.abort());
  const running = await serve(config, logger, impatience.signal).catch((error: unknown) => {
    // Told to stop while it waited for etcd: there is nothing to complain of.
    if (impatience.signal.aborted) process.exit(0);
    throw error;
  });
  process.stdout.write(greeting(VERSION, config, running));
  // The next start finds the sources compiled, even if this process is killed and cannot write them at its end.
  setImmediate(() => flushCompileCache());
  const signal = await stopped;
  logger.info({ signal }, 'stopping');
  await running.close();
  logger.info('stopped');
  // Whatever the runtime still holds must not keep a stopped server alive.
  process.exit(0);
}

/**
 * Resolves at the first signal to stop; a later one ends the process at once, as signals do. One that comes with the
 * first is its echo: a terminal sends Ctrl-C to all processes, and npm and bin/headgate.js pass theirs on as well.
 */
function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  const stop = (signal: NodeJS.Signals): void => {
    resolve(signal);
    setTimeout(() => {
      for (const each of signals) process.off(each, stop);
    }, SIGNAL_ECHO_MS).unref();
  };
  for (const signal of signals) process.on(signal, stop);
  return promise;
}

function greeting(version: string, config: Config, running: Running): string {
  const registry = new URL(running.registryUrl).host;
  const data = config.data.replace(/'/g, `'\\''`);
  return `Headgate ${version}, data in ${config.data}

  Kubernetes clients   export KUBECONFIG='${data}/admin.kubeconfig'
                       kubectl get imagestreams
  registry clients     npx headgate token --data '${data}' | docker login --username admin --password-stdin ${registry}

headgate ready api=${running.apiUrl} registry=${running.registryUrl}
`;
}
