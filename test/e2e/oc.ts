/**
 * The real `oc`. It comes neither as a package nor as a Go module, so tests that need it do so only where it is: on the PATH,
 * or where the variable OC says. Where it is not, how many did not run is said.
 */
import { accessSync, constants, copyFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';
import { type Distribution, startDistribution } from '../distribution.ts';
import { type Outcome, ownHome, run, temporaryFolder } from '../program.ts';
import { startServer, type TestServer } from '../server.ts';

const OC = findOc();

function findOc(): string | undefined {
  const named = process.env.OC;
  const candidates = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return [...(named ? [named] : []), ...candidates.map((folder) => join(folder, 'oc'))].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Runs oc: `` oc`get is/${name}` ``. What stands between blanks is one argument, with what is put in, whatever that holds.
 * Resolves to what it prints, standard error last. @throws {Error} if it fails.
 */
export interface Oc {
  (strings: TemplateStringsArray, ...values: string[]): Promise<string>;
  /** What it says. @throws {Error} if it succeeds. */
  fails(strings: TemplateStringsArray, ...values: string[]): Promise<string>;
  /** The same with something on its standard input. */
  given(input: string | object): (strings: TemplateStringsArray, ...values: string[]) => Promise<string>;
  /** With another kubeconfig, such as another user's. */
  as(kubeconfig: string): Oc;
  /** With more variables in its environment. */
  with(variables: NodeJS.ProcessEnv): Oc;
  readonly kubeconfig: string;
}

/** What a test with oc is given. */
export interface OcWorld {
  readonly server: TestServer;
  /** As the administrator, with a kubeconfig of its own, which it may change. */
  readonly oc: Oc;
  /** Another registry, to import from. */
  readonly upstream: Distribution;
}

let left = 0;
let started: Promise<OcWorld> | undefined;

/** Whoever uses this file has one server and one other registry, which last as long as its tests. */
async function world(): Promise<OcWorld> {
  const [server, upstream] = await Promise.all([
    startServer({ flags: ['--import-allow-private'] }),
    startDistribution(),
  ]);
  const kubeconfig = join(temporaryFolder(), 'kubeconfig');
  copyFileSync(server.kubeconfig, kubeconfig);
  return { server, upstream, oc: ocWith(kubeconfig, ownHome()) };
}

/** A test that runs oc; where that is not, it says so and does nothing. */
export function ocTest(name: string, work: (world: OcWorld) => Promise<void>): void {
  test(name, async (t) => {
    if (OC === undefined) {
      left++;
      t.diagnostic('NOT RUN: oc is not there');
      return;
    }
    started ??= world();
    await work(await started);
  });
}

after(async () => {
  if (left > 0) console.error(`NOT RUN: ${left} tests with oc; put it on the PATH, or say where it is with OC=…`);
  if (started === undefined) return;
  const { server, upstream } = await started;
  upstream.kill();
  await server.kill();
});

function ocWith(kubeconfig: string, home: NodeJS.ProcessEnv): Oc {
  const env = { ...home, KUBECONFIG: kubeconfig };
  const outcome = (args: readonly string[], input?: string): Promise<Outcome> =>
    run(OC ?? '', args, { env, ...(input !== undefined && { input }) });
  const succeeds = async (args: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await outcome(args, input);
    if (code !== 0) throw new Error(`oc ${args.join(' ')}\nended with ${code}:\n${stderr}${stdout}`);
    return stderr === '' ? stdout : `${stdout}\n${stderr}`;
  };
  const oc = (strings: TemplateStringsArray, ...values: string[]) => succeeds(words(strings, values));
  return Object.assign(oc, {
    kubeconfig,
    fails: async (strings: TemplateStringsArray, ...values: string[]) => {
      const args = words(strings, values);
      const { code, stdout, stderr } = await outcome(args);
      if (code === 0) throw new Error(`oc ${args.join(' ')}\nsucceeded, and should not:\n${stdout}`);
      return stderr + stdout;
    },
    given:
      (input: string | object) =>
      (strings: TemplateStringsArray, ...values: string[]) =>
        succeeds(words(strings, values), typeof input === 'string' ? input : JSON.stringify(input)),
    as: (other: string) => ocWith(other, home),
    with: (variables: NodeJS.ProcessEnv) => ocWith(kubeconfig, { ...home, ...variables }),
  });
}

/** Blanks part words; those in what is put in do not. */
function words(strings: TemplateStringsArray, values: readonly string[]): string[] {
  const found: string[] = [];
  let word = '';
  for (const [index, text] of strings.entries()) {
    const [first = '', ...others] = text.split(/\s+/);
    word += first;
    for (const other of others) {
      if (word) found.push(word);
      word = other;
    }
    word += values[index] ?? '';
  }
  if (word) found.push(word);
  return found;
}
