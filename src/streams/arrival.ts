/** Content that arrives in a repository: an upload becomes a blob that may be read there, and stays until it is referred to. */
import { type CommittedBlob, type UploadId, UploadUnknown } from '../blobs/blobs.ts';
import { rememberVerified } from '../blobs/verified.ts';
import { leaseContent, newLease } from '../collecting/leases.ts';
import { spare } from '../collecting/marks.ts';
import type { Digest } from '../image/digest.ts';
import { ARRIVAL_GRACE_SECONDS } from '../limits.work.ts';
import type { Context } from '../objects/context.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { blobKey, type RepositoryName } from './links.ts';
import { admitBlob } from './push.ts';
import { linkBlob } from './repository.ts';

/** An upload that is all there. */
export interface Arrived {
  readonly id: UploadId;
  readonly digest: Digest;
  /** What ends with it, such as its session: belongs into the commit that keeps it. */
  readonly ending: readonly Change[];
}

/**
 * Makes an upload a blob of a repository, and leases it. Content that nobody had before takes one commit for all of that,
 * unless garbage is deleted as soon as it is seen: then it is leased before it is there. Durable when it resolves.
 * @throws all that `Blobs.commit` throws, UploadUnknown also if the content was collected at this very moment;
 *   {DomainError} Forbidden by the namespace's limits, which drops the upload.
 */
export async function keepUpload(ctx: Context, repo: RepositoryName, arrived: Arrived): Promise<void> {
  const { id, digest, ending } = arrived;
  const isSafe = (ctx.settings.graceSeconds ?? ARRIVAL_GRACE_SECONDS) >= ARRIVAL_GRACE_SECONDS;
  const spared = isSafe ? await spareNew(ctx, digest) : undefined;
  // Content that is there already need not be written again, so from now on it must not be collected.
  if (!spared) await leaseContent(ctx, digest);
  const committed = await commitUpload(ctx, repo, id, digest);
  if (spared && committed.placed && (await linkNew(ctx, repo, arrived, committed.size, spared))) return;
  if (spared) await holdAgain(ctx, digest);
  const link = linkBlob(ctx, repo, digest, committed.size);
  // Together, so that the store writes both to disk at once.
  await (ending.length > 0 ? Promise.all([link, ctx.store.commit(ending)]) : link);
}

/** What makes a commit fail if content that is not there yet may have been collected since; undefined if it is there. */
async function spareNew(ctx: Context, digest: Digest): Promise<Change | undefined> {
  try {
    const spared = await spare(ctx, [digest]);
    return (await ctx.blobs.stat(digest)) === undefined ? spared : undefined;
  } catch (error) {
    // Something of that name was just being deleted.
    if (error instanceof CommitConflict) return undefined;
    throw error;
  }
}

async function commitUpload(ctx: Context, repo: RepositoryName, id: UploadId, digest: Digest): Promise<CommittedBlob> {
  try {
    await admitBlob(ctx, repo, () => ctx.blobs.uploaded(id));
  } catch (error) {
    await ctx.blobs.abort(id);
    throw error;
  }
  const committed = await ctx.blobs.commit(id, digest);
  // What was not there before has been looked at on its way in.
  if (committed.placed) rememberVerified(ctx.blobs, digest, committed.version);
  return committed;
}

/** Link and lease in one commit. Whether that could be: not if somebody may have begun to collect the content. */
async function linkNew(
  ctx: Context,
  repo: RepositoryName,
  { digest, ending }: Arrived,
  size: number,
  spared: Change,
): Promise<boolean> {
  const lease = await newLease(ctx, digest);
  const link: Change = { op: 'put', key: blobKey(repo, digest), value: Buffer.from(String(size)) };
  try {
    lease.made(await ctx.store.commit([spared, ...lease.changes, link, ...ending]));
    return true;
  } catch (error) {
    if (error instanceof CommitConflict) return false;
    throw error;
  }
}

/** Leases content that was unguarded for a moment, and sees whether it is still there. */
async function holdAgain(ctx: Context, digest: Digest): Promise<void> {
  await leaseContent(ctx, digest);
  if ((await ctx.blobs.stat(digest)) !== undefined) return;
  throw new UploadUnknown(`${digest} was collected as garbage while it came; send it again`);
}
