/** A Context over memory drivers, for tests of the domain. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { AccountTokens } from '../src/access/accounttokens.ts';
import { AccessTokens } from '../src/access/tokens.ts';
import { openMemoryBlobs } from '../src/blobs/memory/memory.ts';
import { ensureNamespaces } from '../src/cluster/namespaces.ts';
import { type Digest, digestOf } from '../src/image/digest.ts';
import type { Context } from '../src/objects/context.ts';
import { openMemoryStore } from '../src/store/memory/memory.ts';

/** A Context of an administrator; its clock moves a second at each look, so that every time is told apart. */
export async function testContext(changes: Partial<Context> = {}): Promise<Context & { readonly warnings: string[] }> {
  const warnings: string[] = [];
  const store = changes.store ?? openMemoryStore();
  let clock = Date.parse('2026-01-01T00:00:00Z');
  const now = (): Date => {
    clock += 1000;
    return new Date(clock);
  };
  const ctx: Context & { readonly warnings: string[] } = {
    store,
    blobs: openMemoryBlobs(),
    authorizer: { authorize: () => ({ allowed: true, reason: '' }) },
    settings: { registryHost: 'registry.test:5000', autoNamespaces: true },
    accountTokens: new AccountTokens(store, now, randomUUID),
    userTokens: new AccessTokens(store, now),
    now,
    uid: randomUUID,
    suffix: (characters) => randomUUID().replaceAll('-', '').slice(0, characters),
    user: { name: 'tester', groups: ['system:masters'] },
    dryRun: false,
    warn: (text) => void warnings.push(text),
    warnings,
    ...changes,
  };
  await ensureNamespaces(ctx, ['default']);
  return ctx;
}

/** Keeps bytes as a blob, without any link to it. */
export async function putBlob(ctx: Context, bytes: Buffer): Promise<Digest> {
  const id = await ctx.blobs.begin();
  const digest = digestOf(bytes);
  await ctx.blobs.append(id, 0, Readable.from([bytes]));
  await ctx.blobs.commit(id, digest);
  return digest;
}
