/** Asks a running server's API as its administrator, with the kubeconfig that the server wrote. */
import https from 'node:https';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readPrivateFile, UnusableFile } from '../access/privatefile.ts';
import { ServerRefusal } from './serverrefusal.ts';

/** Sends a request and gives the answer's JSON. @throws {ServerRefusal} */
export type ApiClient = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<unknown>;

interface Kubeconfig {
  readonly clusters: readonly {
    readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string };
  }[];
  readonly users: readonly { readonly user: { readonly token?: string } }[];
}

/**
 * A client of the server whose data are in this folder.
 * @throws {UnusableFile} if no server has been started with it.
 */
export function apiClient(data: string): ApiClient {
  const file = join(data, 'admin.kubeconfig');
  const text = readPrivateFile(file);
  if (text === undefined) {
    const advice = "a server makes it at its first start; name that server's folder with --data";
    throw new UnusableFile(file, `does not exist: ${advice}`);
  }
  const { clusters, users } = parse(text) as Kubeconfig;
  const [first] = clusters;
  const token = users.find(({ user }) => user.token !== undefined)?.user.token;
  if (!first || token === undefined) throw new UnusableFile(file, 'names no server: delete it, and restart the server');
  const { server, 'certificate-authority-data': authority } = first.cluster;
  const ca = Buffer.from(authority, 'base64').toString();
  return (method, path, body) => ask({ url: new URL(path, server), method, ca, token, body });
}

interface Request {
  readonly url: URL;
  readonly method: string;
  readonly ca: string;
  readonly token: string;
  readonly body: object | undefined;
}

function ask({ url, method, ca, token, body }: Request): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json', 'Content-Type': 'application/json' };
  const request = https.request(url, { method, ca, headers, agent: false }, (response) => {
    const pieces: Buffer[] = [];
    response
      .on('data', (piece: Buffer) => pieces.push(piece))
      .on('error', (error) => reject(unreachable(url, error)))
      .on('end', () => {
        const answer: unknown = JSON.parse(Buffer.concat(pieces).toString());
        if ((response.statusCode ?? 0) < 300) resolve(answer);
        else reject(new ServerRefusal(`${url.host} refuses: ${messageOf(answer)}`));
      });
  });
  request.on('error', (error) => reject(unreachable(url, error)));
  request.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

function unreachable(url: URL, error: Error): ServerRefusal {
  return new ServerRefusal(`no server answers at ${url.origin} (${error.message}): start it with headgate serve`);
}

function messageOf(answer: unknown): string {
  return typeof answer === 'object' && answer !== null && 'message' in answer
    ? String(answer.message)
    : 'without a reason';
}
