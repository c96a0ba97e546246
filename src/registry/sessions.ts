/**
 * Sessions: which repository an upload is for, and who began it. They are records of the store, so that any replica can
 * go on with an upload and none needs a shared secret; the bytes are the blob store's.
 */
import type { User } from '../access/user.ts';
import type { UploadId } from '../blobs/blobs.ts';
import { LIST_PAGE_OBJECTS } from '../limits.ts';
import type { Services } from '../objects/context.ts';
import type { Change } from '../store/store.ts';
import { countBelow } from '../store/store.ts';
import type { RepositoryName } from '../streams/repository.ts';

const PREFIX = '/uploads/';
const ID = /^[0-9a-f]{32}$/;

/** What is known of an upload beside its bytes. */
export interface Session {
  readonly id: UploadId;
  /** `namespace/stream`. */
  readonly repository: string;
  /** The name of who began it. */
  readonly user: string;
  /** RFC 3339. */
  readonly started: string;
}

function isUploadId(text: string): text is UploadId {
  return ID.test(text);
}

function repositoryKey(repo: RepositoryName): string {
  return `${repo.namespace}/${repo.stream}`;
}

/** Begins an upload for a repository. Nothing is left of it if the session cannot be recorded. */
export async function openSession(services: Services, repo: RepositoryName, user: User): Promise<Session> {
  const id = await services.blobs.begin();
  const session = { id, repository: repositoryKey(repo), user: user.name, started: services.now().toISOString() };
  const { id: _, ...record } = session;
  try {
    await services.store.commit([
      { op: 'put', key: PREFIX + id, value: Buffer.from(JSON.stringify(record)), expect: 0 },
    ]);
  } catch (error) {
    await services.blobs.abort(id);
    throw error;
  }
  return session;
}

/** The session with that id, or undefined if there is none or it belongs to another repository. */
export async function findSession(services: Services, repo: RepositoryName, id: string): Promise<Session | undefined> {
  if (!isUploadId(id)) return undefined;
  const entry = await services.store.get(PREFIX + id);
  if (!entry) return undefined;
  const session = parseSession(id, entry.value);
  return session.repository === repositoryKey(repo) ? session : undefined;
}

function parseSession(id: UploadId, value: Buffer): Session {
  const record = JSON.parse(value.toString()) as Omit<Session, 'id'>;
  return { id, repository: record.repository, user: record.user, started: record.started };
}

/** How many there are. @throws {StoreError} */
export async function countSessions(store: Services['store']): Promise<number> {
  return countBelow(store, PREFIX);
}

/** The change that forgets a session; its upload has been committed or dropped. */
export function sessionEnd(id: UploadId): Change {
  return { op: 'delete', key: PREFIX + id };
}

/** Forgets a session. */
export async function closeSession(services: Services, id: UploadId): Promise<void> {
  await services.store.commit([sessionEnd(id)]);
}

/**
 * Drops the uploads that nobody has added to since that time, and the sessions whose upload is gone (a crash between the
 * two). Returns how many. To be called now and then by one process or by all: it may run anywhere at any time.
 */
export async function dropStaleUploads(services: Services, before: Date): Promise<number> {
  let dropped = 0;
  for (const id of await services.blobs.staleUploads(before)) {
    if (await services.blobs.abort(id)) dropped++;
    await closeSession(services, id);
  }
  let after: string | undefined;
  do {
    const page = await services.store.list(PREFIX, {
      limit: LIST_PAGE_OBJECTS,
      ...(after === undefined ? {} : { after }),
    });
    for (const { key, value } of page.entries) {
      const id = key.slice(PREFIX.length);
      if (!isUploadId(id) || new Date(parseSession(id, value).started) >= before) continue;
      if ((await services.blobs.uploaded(id)) === undefined) await closeSession(services, id);
    }
    after = page.more ? page.entries.at(-1)?.key : undefined;
  } while (after !== undefined);
  return dropped;
}
