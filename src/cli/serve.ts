/** `headgate serve`: starts a server, tells how to use it, stops it on a signal. */
import { flushCompileCache } from 'node:module';
import { type Config, parseConfig } from '../config.ts';
import { flagHelp, variableOf } from '../flags.ts';
import { SIGNAL_ECHO_MS } from '../limits.ts';
import { makeLogger } from '../observe/logs.ts';
import { greeting } from './greeting.ts';
import type { Worker } from './worker.ts';

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
  // Whoever reads our output may go; that is no reason to stop.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  if (config.workers === 1) return runServer(config);
  const { default: cluster } = await import('node:cluster');
  if (cluster.isPrimary) return runWorkers(config);
  const { thisWorker } = await import('./worker.ts');
  return runServer(config, thisWorker());
}

/** Runs a server in this process, perhaps as one of several. */
async function runServer(config: Config, worker?: Worker): Promise<void> {
  // Everything else is loaded only now, so that mistakes are told at once.
  const { serve } = await import('../main.ts');
  const logger = makeLogger({
    level: config.logLevel,
    format: config.logFormat,
    ...(worker && { members: { worker: worker.number } }),
  });
  // What a request left unhandled must be seen, but the other requests need not suffer from it.
  process.on('unhandledRejection', (err) =>
    logger.error({ err }, 'unhandled rejection: this is a bug, please report it'),
  );
  const stopped = stopSignal();
  const impatience = new AbortController();
  void stopped.then(() => impatience.abort());
  const options = { signal: impatience.signal, ...(worker && { peers: worker.peers }) };
  const running = await serve(config, logger, options).catch((error: unknown) => {
    // Told to stop while it waited for etcd: there is nothing to complain of.
    if (impatience.signal.aborted) process.exit(0);
    throw error;
  });
  if (worker) worker.ready(running);
  else process.stdout.write(greeting(config, running));
  // The next start finds the sources compiled, even if this process is killed and cannot write them at its end.
  setImmediate(() => flushCompileCache());
  const signal = await stopped;
  logger.info({ signal }, 'stopping');
  await running.close();
  logger.info('stopped');
  // Whatever the runtime still holds must not keep a stopped server alive.
  process.exit(0);
}

/** Runs several servers in processes of their own, until a signal ends them. */
async function runWorkers(config: Config): Promise<void> {
  const { WorkerEnded, Workers } = await import('./workers.ts');
  const logger = makeLogger({ level: config.logLevel, format: config.logFormat });
  const workers = new Workers(config, logger);
  const stopped = stopSignal();
  const started = workers.start().then(
    (answering) => void process.stdout.write(greeting(config, answering)),
    (error: unknown) => {
      if (!(error instanceof WorkerEnded)) throw error;
      // It has said why, unless it was told to stop. The others hear of it when this process ends.
      if (!workers.stopping) process.exit(error.status);
    },
  );
  const signal = await Promise.race([stopped, started.then(() => stopped)]);
  logger.info({ signal }, 'stopping');
  await workers.stop();
  logger.info('stopped');
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
