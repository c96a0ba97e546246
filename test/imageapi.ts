/** For tests: the image API on 127.0.0.1, in this process, over drivers in memory. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MASTERS } from '../src/access/user.ts';
import { ensureNamespaces } from '../src/cluster/namespaces.ts';
import { clusterResources } from '../src/cluster/resources.ts';
import { kubeHandler } from '../src/kube/server.ts';
import { type Answered, type Call, callServer } from '../src/kube/testserver.ts';
import type { Context } from '../src/objects/context.ts';
import { imageResources } from '../src/streams/resources.ts';
import { IMAGE_API } from './api.ts';
import { contextHere } from './importing.ts';

export const MERGE = 'application/merge-patch+json';
export const STRATEGIC = 'application/strategic-merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';
export const APPLY = 'application/apply-patch+yaml';
export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** A server of the image API with the namespaces `default` and `one`. */
export interface ImageApi extends AsyncDisposable {
  readonly ctx: Context;
  readonly port: number;
  /** Errors that were not expected. */
  readonly reported: readonly unknown[];
  /**
   * Sends a request as the administrator. A path that does not begin with a slash is below the namespace `one`, or below
   * the group for images and signatures.
   */
  ask(method: string, path: string, body?: unknown, options?: Call): Promise<Answered>;
}

/** Starts a server. */
export async function startImageApi(changes: Partial<Context> = {}): Promise<ImageApi> {
  const ctx = await contextHere(changes);
  await ensureNamespaces(ctx, ['one']);
  const reported: unknown[] = [];
  const user = { name: 'admin', groups: [MASTERS] };
  const resources = [...imageResources, ...clusterResources];
  const server = createServer(kubeHandler(ctx, resources, () => user, { report: (error) => reported.push(error) }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ctx,
    port,
    reported,
    ask: (method, path, body, options = {}) =>
      callServer(port, method, whole(path), { ...(body !== undefined && { body }), ...options }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await ctx.store.close();
    },
  };
}

function whole(path: string): string {
  if (path.startsWith('/')) return path;
  return /^(images|imagesignatures)\b/.test(path) ? `${IMAGE_API}/${path}` : `${IMAGE_API}/namespaces/one/${path}`;
}

/** Asserts that an answer is 422 with just these causes: `[reason, field, message]`. */
export function assertInvalid(answer: Answered, ...causes: readonly (readonly [string, string, string])[]): void {
  assert.equal(answer.status, 422, answer.text);
  assert.equal(answer.body.reason, 'Invalid');
  const found = answer.body.details.causes.map(
    ({ reason, field, message }: Record<'reason' | 'field' | 'message', string>) => [reason, field, message],
  );
  assert.deepEqual(found, causes);
}
