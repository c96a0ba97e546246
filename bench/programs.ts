/** wrk and curl, and what they report. */
import { part } from '../test/parts.ts';
import { succeed } from '../test/program.ts';

/** Connections of wrk, as in the figures that others publish. */
const CONNECTIONS = 16;

/** Gets a URL over and over. @throws {Error} if any answer is not 2xx or 3xx. */
export async function wrk(
  url: string,
  headers: Readonly<Record<string, string>>,
  seconds: number,
): Promise<{ readonly requests: number; readonly perSecond: number }> {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, ...headerArguments(headers), url];
  const output = await succeed(part('wrk'), args);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`wrk ${url}:\n${output}`);
  const [, requests = '0'] = /(\d+) requests in/.exec(output) ?? [];
  const [, perSecond = '0'] = /Requests\/sec:\s+([\d.]+)/.exec(output) ?? [];
  return { requests: Number(requests), perSecond: Number(perSecond) };
}

/** Sends a file as the body of a PUT. @throws {Error} if the answer is not 2xx. */
export async function curlPut(url: string, headers: Readonly<Record<string, string>>, file: string): Promise<void> {
  const type = { 'Content-Type': 'application/octet-stream' };
  await succeed(part('curl'), ['-sS', '--fail', ...headerArguments({ ...headers, ...type }), '-T', file, url]);
}

/** Gets a URL and drops what comes. @throws {Error} if the answer is not 2xx. */
export async function curlGet(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
  await succeed(part('curl'), ['-sS', '--fail', ...headerArguments(headers), '-o', '/dev/null', url]);
}

function headerArguments(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
}
