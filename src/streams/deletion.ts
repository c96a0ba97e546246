/** What is deleted through the registry: a tag, or a manifest with all that leads to it. */
import { isDeepStrictEqual } from 'node:util';
import { readWhole } from '../blobs/whole.ts';
import type { Digest } from '../image/digest.ts';
import { ManifestInvalid, parseManifest, referencesOf } from '../image/manifest.ts';
import { COMMIT_CHANGES, CONFLICT_TRIES, MANIFEST_BYTES } from '../limits.ts';
import type { Context } from '../objects/context.ts';
import { isProblem } from '../objects/errors.ts';
import { inTurn } from '../objects/turns.ts';
import { updateObject } from '../objects/writes.ts';
import { type Change, CommitConflict } from '../store/store.ts';
import { followersOf, newest } from './history.ts';
import { imageStreams, internalRules, streamKey, tagPart } from './imagestream.ts';
import { type ManifestLink, manifestKey, manifestUnlinks, type RepositoryName, withoutRoot } from './links.ts';
import { withoutImage, withoutTag } from './removal.ts';
import { referrers, resolveDigest } from './repository.ts';
import { changeTag, readHead } from './tagging.ts';
import { recordMoves, type TagMoveDraft } from './tagmove.ts';
import type { ImageStream, NamedTagEventList } from './types.ts';

/** Histories that one commit changes at most; leaves room for the head and the record. */
const HISTORIES_AT_ONCE = COMMIT_CHANGES - 16;

/** Deletes a tag: from spec and status, as `oc tag -d` does. Whether it was there. */
export async function deleteTag(ctx: Context, repo: RepositoryName, tag: string): Promise<boolean> {
  const { namespace, stream: name } = repo;
  const head = await readHead(ctx, namespace, name);
  if (!head) return false;
  const named = head.stream.spec?.tags?.some((reference) => reference.name === tag);
  if (!named && !(await ctx.store.get(streamKey(namespace, name) + tagPart(tag)))) return false;
  const remove = (): Promise<boolean> => removeTags(ctx, repo, (stream) => withoutTag(stream, tag));
  if (isInSpec(head.stream, repo, tag)) return remove();
  try {
    // A tag that was only pushed is no concern of the others, however many there are.
    await changeTag(ctx, {
      namespace,
      name,
      tag,
      cause: 'delete',
      plan: async (now) => {
        if (!now || isInSpec(now.stream, repo, tag)) throw new TagInSpec();
        return { event: null, stream: now.stream, changes: [], always: false, steal: true };
      },
    });
    return true;
  } catch (error) {
    if (error instanceof TagInSpec) return remove();
    throw error;
  }
}

/** Somebody has just written a tag into the stream's spec. */
class TagInSpec extends Error {
  override name = 'TagInSpec';
}

/** Whether the spec of a stream has something to say of a tag, or of others that track it. */
function isInSpec({ spec }: ImageStream, { namespace, stream }: RepositoryName, tag: string): boolean {
  const tags = spec?.tags ?? [];
  return tags.some(({ name }) => name === tag) || followersOf({ namespace, name: stream, tags }, tag).length > 0;
}

/**
 * Takes a manifest out of a repository: no digest and no tag leads to it any more. Whether it was there. The Image
 * itself stays, and so does the record of the tags that pointed to it.
 */
export async function deleteManifest(ctx: Context, repo: RepositoryName, digest: Digest): Promise<boolean> {
  const link = await resolveDigest(ctx, repo, digest);
  if (!link) return false;
  await forgetImage(ctx, repo, digest);
  const { references, subject } = await contentsOf(ctx, digest);
  const about = (await referrers(ctx, repo, digest)).map((referrer) => referrer.digest);
  await handOver(ctx, repo, digest, [...references, ...about]);
  await ctx.store.commit(manifestUnlinks(repo, digest, subject));
  return true;
}

/** Takes an image out of all histories. Those that never held it are not looked into, however many there are. */
async function forgetImage(ctx: Context, repo: RepositoryName, digest: Digest): Promise<void> {
  const { namespace, stream: name } = repo;
  const key = streamKey(namespace, name);
  const done = await inTurn(ctx.store, key, async () => {
    for (let tries = 1; tries <= CONFLICT_TRIES; tries++) {
      const head = await readHead(ctx, namespace, name);
      if (!head) return true;
      const { entries } = await ctx.store.list(key + tagPart(''));
      const holding = entries.filter(({ value }) => value.includes(digest));
      const histories = holding.map(({ value }) => JSON.parse(value.toString()) as NamedTagEventList);
      if (histories.length > HISTORIES_AT_ONCE || histories.some(({ tag }) => isInSpec(head.stream, repo, tag))) break;
      const left = withoutImage({ metadata: {}, status: { dockerImageRepository: '', tags: histories } }, digest);
      const kept = new Map(left.status?.tags?.map((history) => [history.tag, history]));
      if (isDeepStrictEqual([...kept.values()], histories)) return true;
      const gone = histories.filter(({ tag }) => !kept.has(tag));
      const drafts = gone.map((history): TagMoveDraft => {
        return { tag: history.tag, from: newest(history), to: null, cause: 'delete' };
      });
      const changes = holding.map((entry, index): Change => {
        const history = kept.get(histories[index]?.tag ?? '');
        if (!history) return { op: 'delete', key: entry.key };
        return { op: 'put', key: entry.key, value: Buffer.from(JSON.stringify(history)) };
      });
      try {
        // The head is written with every move, so nothing has moved if it is as it was.
        const unmoved: Change = { op: 'put', key, value: head.entry.value, expect: head.entry.revision };
        await ctx.store.commit([unmoved, ...changes, ...(await recordMoves(ctx, namespace, name, drafts))]);
        return true;
      } catch (error) {
        if (!(error instanceof CommitConflict)) throw error;
      }
    }
    return false;
  });
  if (!done) await removeTags(ctx, repo, (stream) => withoutImage(stream, digest));
}

/**
 * Children and referrers go with what holds them, though they were pushed by digest: unless that was after it.
 */
async function handOver(ctx: Context, repo: RepositoryName, holder: Digest, digests: readonly Digest[]): Promise<void> {
  const held = (await ctx.store.get(manifestKey(repo, holder)))?.revision ?? 0;
  for (const digest of digests) {
    const entry = await ctx.store.get(manifestKey(repo, digest));
    const link = entry && (JSON.parse(entry.value.toString()) as ManifestLink);
    if (!entry || !link?.root || entry.revision > held) continue;
    try {
      await ctx.store.commit([{ op: 'put', key: entry.key, value: withoutRoot(link), expect: entry.revision }]);
    } catch (error) {
      // It has just been pushed again, or deleted.
      if (!(error instanceof CommitConflict)) throw error;
    }
  }
}

async function removeTags(
  ctx: Context,
  repo: RepositoryName,
  change: (stream: ImageStream) => ImageStream,
): Promise<boolean> {
  try {
    await updateObject(ctx, imageStreams, repo.namespace, repo.stream, change, {
      retry: true,
      rules: internalRules,
    });
    return true;
  } catch (error) {
    if (isProblem(error, 'NotFound')) return false;
    throw error;
  }
}

/** What a manifest of this registry refers to. One that is damaged refers to nothing. */
async function contentsOf(
  ctx: Context,
  digest: Digest,
): Promise<{ readonly references: readonly Digest[]; readonly subject: Digest | undefined }> {
  const bytes = await readWhole(ctx.blobs, digest, MANIFEST_BYTES);
  try {
    const manifest = bytes && parseManifest(bytes, undefined);
    return { references: manifest ? referencesOf(manifest) : [], subject: manifest?.subject?.digest };
  } catch (error) {
    if (error instanceof ManifestInvalid) return { references: [], subject: undefined };
    throw error;
  }
}
