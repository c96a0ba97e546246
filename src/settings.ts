/** Where settings come from: flags before the environment before the file before the defaults (flags.ts). */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { ALL_FLAGS, type Flag, type FlagName, variableOf } from './flags.ts';

/** A value and where it came from, for messages. */
export interface Given {
  readonly value: string | boolean | readonly string[];
  readonly source: string;
}

export type Settings = Map<FlagName, Given>;

/**
 * All that is set. A boolean flag has a boolean, a list flag a list, a text flag a text.
 * @param problems gets what is wrong, each saying where it stands and what is allowed.
 */
export function gatherSettings(args: readonly string[], environment: NodeJS.ProcessEnv, problems: string[]): Settings {
  const flags = fromFlags(args, problems);
  const variables = fromEnvironment(environment, problems);
  const file = flags.get('config') ?? variables.get('config');
  return new Map([...fromDefaults(), ...(file ? fromFile(file, problems) : []), ...variables, ...flags]);
}

function fromDefaults(): Settings {
  const settings: Settings = new Map();
  for (const flag of ALL_FLAGS) {
    if (flag.initial !== undefined)
      settings.set(flag.name, { value: flag.initial, source: `the default of --${flag.name}` });
  }
  return settings;
}

function fromFlags(args: readonly string[], problems: string[]): Settings {
  const settings: Settings = new Map();
  const options = Object.fromEntries(
    ALL_FLAGS.map((flag) => [
      flag.name,
      { type: flag.kind === 'boolean' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowNegative: true });
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`"${token.value}" is not expected: serve takes only flags`);
    if (token.kind !== 'option') continue;
    const flag = ALL_FLAGS.find(({ name }) => name === token.name);
    const written = token.rawName;
    const negated = written.startsWith('--no-');
    if (!flag || (negated && flag.kind !== 'boolean')) {
      problems.push(`${written}: there is no such flag; "headgate serve --help" lists them`);
    } else if (flag.kind === 'boolean') {
      const value = token.value === undefined ? true : booleanOf(token.value);
      if (value === undefined) problems.push(`${written}: "${token.value}" is neither true nor false`);
      else settings.set(flag.name, { value: value !== negated, source: written });
    } else if (token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))) {
      problems.push(`${written}: a value is missing: ${written} ${flag.value}`);
    } else {
      add(settings, flag, token.value, written);
    }
  }
  return settings;
}

/** Only our own names are looked at: in Kubernetes, a Service called headgate puts more of them into every pod. */
function fromEnvironment(environment: NodeJS.ProcessEnv, problems: string[]): Settings {
  const settings: Settings = new Map();
  for (const flag of ALL_FLAGS) {
    const source = variableOf(flag.name);
    const text = environment[source];
    if (text === undefined || text === '') continue;
    if (flag.kind !== 'boolean') {
      add(settings, flag, text, source);
      continue;
    }
    const value = booleanOf(text);
    if (value === undefined) problems.push(`${source}: "${text}" is neither true nor false`);
    else settings.set(flag.name, { value, source });
  }
  return settings;
}

function add(settings: Settings, flag: Flag & { readonly name: FlagName }, text: string, source: string): void {
  if (flag.kind !== 'list') {
    settings.set(flag.name, { value: text, source });
    return;
  }
  const before = settings.get(flag.name)?.value;
  const items = text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));
  settings.set(flag.name, { value: [...(Array.isArray(before) ? before : []), ...items], source });
}

function booleanOf(text: string): boolean | undefined {
  if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true;
  return ['false', '0', 'no', 'off'].includes(text.toLowerCase()) ? false : undefined;
}

function fromFile(given: Given, problems: string[]): Settings {
  const settings: Settings = new Map();
  const file = String(given.value);
  const content = readYaml(file, given.source, problems);
  if (content === undefined || content === null) return settings;
  if (typeof content !== 'object' || Array.isArray(content)) {
    problems.push(`${file}: must hold settings, one a line, such as "listen: 0.0.0.0:8443"`);
    return settings;
  }
  for (const [key, value] of Object.entries(content)) {
    const source = `${key} in ${file}`;
    const flag = ALL_FLAGS.find(({ name }) => name === key && name !== 'config');
    if (!flag) {
      const allowed = ALL_FLAGS.flatMap(({ name }) => (name === 'config' ? [] : [name]));
      problems.push(`${source}: there is no such setting; allowed are ${allowed.join(', ')}`);
    } else if (flag.kind === 'boolean' ? typeof value === 'boolean' : isText(flag, value)) {
      if (typeof value === 'boolean') settings.set(flag.name, { value, source });
      else add(settings, flag, String(value), source);
    } else if (flag.kind === 'list' && Array.isArray(value) && value.every((item) => typeof item === 'string')) {
      settings.set(flag.name, { value, source });
    } else {
      const wanted = {
        boolean: 'true or false',
        list: 'a list of texts',
        number: 'a number',
        text: `a text (${flag.value})`,
      };
      problems.push(`${source}: must be ${wanted[flag.kind]}, not ${JSON.stringify(value)}`);
    }
  }
  return settings;
}

function isText({ kind }: Flag, value: unknown): boolean {
  return typeof value === 'string' || (kind === 'number' && typeof value === 'number');
}

function readYaml(file: string, source: string, problems: string[]): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    problems.push(`${source}: ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  // Loaded only where there is a file: it takes as long as half of the rest of a start.
  const yaml: typeof import('yaml') = createRequire(import.meta.url)('yaml');
  const document = yaml.parseDocument(text);
  const [error] = document.errors;
  if (!error) return document.toJS();
  problems.push(`${file}: is no YAML: ${error.message.trimEnd()}`);
  return undefined;
}
