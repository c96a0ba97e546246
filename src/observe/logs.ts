/** The log: one line an event, for people or for machines. Who logs takes care that no secret is in it; this does too. */
import { pino } from 'pino';

export type Logger = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'>;

export interface LogOptions {
  readonly level: pino.LevelWithSilent;
  readonly format: 'pretty' | 'json';
  /** Stand in every line. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** What takes whole lines, such as process.stderr. */
export interface LineStream {
  write(line: string): unknown;
  readonly isTTY?: boolean;
}

/** Members that hold credentials wherever they come from; their values are not printed. */
const SECRET = ['authorization', 'cookie', 'password', 'token', 'secret', 'key'];

const NAMES: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO ',
  40: 'WARN ',
  50: 'ERROR',
  60: 'FATAL',
};
const COLOURS: Readonly<Record<number, string>> = { 40: '\x1b[33m', 50: '\x1b[31m', 60: '\x1b[31m' };

/** A log that writes to the stream: standard error, so that standard output is left to what a command prints. */
export function makeLogger(options: LogOptions, stream: LineStream = process.stderr): Logger {
  const target =
    options.format === 'json' ? stream : { write: (line: string) => stream.write(prettyLine(line, stream)) };
  return pino(
    {
      level: options.level,
      base: options.members ?? null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[hidden]' },
    },
    target,
  );
}

/** `12:34:56.789 WARN  what happened  key=value`, and an error's stack below. */
function prettyLine(line: string, stream: LineStream): string {
  const { level, time, msg = '', err, ...rest } = JSON.parse(line) as PinoLine;
  const colour = stream.isTTY ? COLOURS[level] : undefined;
  const name = NAMES[level] ?? String(level);
  const members = Object.entries(rest).map(([key, value]) => `${key}=${textOf(value)}`);
  const words = [time.slice(11, 23), colour ? `${colour}${name}\x1b[0m` : name, msg].join(' ');
  const text = members.length > 0 ? `${words}  ${members.join(' ')}\n` : `${words}\n`;
  return err ? `${text}${indented(err)}` : text;
}

interface PinoLine {
  readonly level: number;
  readonly time: string;
  readonly msg?: string;
  readonly err?: { readonly stack?: string; readonly message?: string };
  readonly [member: string]: unknown;
}

function textOf(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function indented(error: { readonly stack?: string; readonly message?: string }): string {
  return `${error.stack ?? error.message ?? ''}`.replaceAll(/^/gm, '    ').concat('\n');
}
