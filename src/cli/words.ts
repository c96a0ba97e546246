/** How commands read and say small things. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { ConfigError } from '../config.ts';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes as people read them: `1.5 MiB`. */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${value.toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`;
}

/** Whether a flag without a value is there, and the arguments without it. */
export function takeFlag(args: readonly string[], flag: string): { readonly found: boolean; readonly rest: string[] } {
  return { found: args.includes(flag), rest: args.filter((arg) => arg !== flag) };
}

/** What a command was given beside its name. @throws {ConfigError} that names the command, for flags that it has not. */
export function commandLine<const O extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: O,
) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new ConfigError([`${command}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}
