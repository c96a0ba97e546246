/** kubectl as the administrator of a server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { part } from '../parts.ts';
import { fail, succeed } from '../program.ts';
import type { TestServer } from '../server.ts';

/** Milliseconds that something that is watched may take to show. */
const WATCH_TIMEOUT_MS = 20_000;

/** Runs kubectl; resolves to what it prints. @throws {Error} if it fails. */
export interface Kubectl {
  (...args: string[]): Promise<string>;
  /** The same, with something on its standard input. */
  given(input: string | object, ...args: string[]): Promise<string>;
  /** The object that it prints as JSON. */
  json(...args: string[]): Promise<unknown>;
  /** The rows of a table that it prints, the header first, as cells. */
  table(...args: string[]): Promise<readonly (readonly string[])[]>;
  /** What it says on standard error. @throws {Error} if it succeeds. */
  fails(...args: string[]): Promise<string>;
  /** The same, with something on its standard input. */
  refuses(input: object, ...args: string[]): Promise<string>;
  /** Runs it beside the test. */
  follow(...args: string[]): Following;
}

/** A kubectl that goes on, such as a watch. */
export interface Following extends AsyncDisposable {
  /** Resolves as soon as what it has printed fits. @throws {Error} with what it has printed, if that takes too long. */
  until(pattern: RegExp): Promise<void>;
  /** Resolves to its exit status when it has ended by itself. */
  ended(): Promise<number | null>;
}

/** kubectl with the kubeconfig that the server made, in the home that `ownHome` made. */
export function kubectlFor(server: TestServer, home: NodeJS.ProcessEnv): Kubectl {
  const program = part('kubectl');
  const env = { ...home, KUBECONFIG: server.kubeconfig };
  const plain = (...args: string[]): Promise<string> => succeed(program, args, { env });
  return Object.assign(plain, {
    given: (input: string | object, ...args: string[]) =>
      succeed(program, args, { env, input: typeof input === 'string' ? input : JSON.stringify(input) }),
    json: async (...args: string[]): Promise<unknown> => JSON.parse(await plain(...args, '-o', 'json')),
    // Columns stand at least three blanks apart; cells hold single ones.
    table: async (...args: string[]) =>
      (await plain(...args))
        .trimEnd()
        .split('\n')
        .map((line) => line.trimEnd().split(/ {3,}/)),
    fails: (...args: string[]) => fail(program, args, { env }),
    refuses: (input: object, ...args: string[]) => fail(program, args, { env, input: JSON.stringify(input) }),
    follow: (...args: string[]) => follow(program, args, env),
  });
}

function follow(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Following {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = (): void => void child.kill('SIGKILL');
  process.on('exit', kill);
  const gone = once(child, 'close') as Promise<[number | null]>;
  let printed = '';
  let look = (): void => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      look();
    });
  }
  return {
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`${pattern} did not show in what ${program} ${args.join(' ')} printed:\n${printed}`)),
          WATCH_TIMEOUT_MS,
        );
        look = () => {
          if (!pattern.test(printed)) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      }),
    ended: async () => (await gone)[0],
    [Symbol.asyncDispose]: async () => {
      kill();
      process.off('exit', kill);
      await gone;
    },
  };
}
