/** What a process has: the seams that the configuration names, and what domain code is given of them. */
import { randomInt, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { AccountTokens } from './access/accounttokens.ts';
import { makeAuthorizer } from './access/authorizer.ts';
import { UnusableFile } from './access/privatefile.ts';
import { Rbac } from './access/rbac.ts';
import { AccessTokens } from './access/tokens.ts';
import type { Blobs } from './blobs/blobs.ts';
import { cachedBlobs } from './blobs/cache.ts';
import type { BlobFigures } from './blobs/figures.ts';
import { measuredBlobs, type StorageMeter } from './blobs/measured.ts';
import { openBlobs } from './blobs/open.ts';
import type { Config } from './config.ts';
import { BLOB_CACHE_BYTES } from './limits.ts';
import { WORKER_POLL_MS } from './limits.work.ts';
import type { Services } from './objects/context.ts';
import type { Logger } from './observe/logs.ts';
import { isUnfinishedCopy } from './store/copy.ts';
import type { StoreFigures } from './store/figures.ts';
import { openSqliteStore } from './store/sqlite/sqlite.ts';
import { type Store, StoreUnavailable } from './store/store.ts';

/** Kubernetes' alphabet for generated names: no vowels and nothing that looks like one. */
const SUFFIX_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** What services are made of. */
interface Parts extends Pick<Services, 'store' | 'blobs' | 'accountTokens' | 'userTokens'> {
  readonly rbac: Rbac;
}

/** How a process is reached: where the registry listens, and what clients of the API must trust. */
interface Reach {
  readonly registryAddress: string;
  readonly rootCertificates?: string;
}

/** The services of a process. */
export function servicesOf(config: Config, parts: Parts, { registryAddress, rootCertificates }: Reach): Services {
  const { rbac, ...seams } = parts;
  return {
    ...seams,
    authorizer: makeAuthorizer(rbac),
    settings: {
      registryHost: config.registryHost ?? registryAddress,
      ...(rootCertificates !== undefined && { rootCertificates }),
      ...(config.registryPublicHost !== undefined && { publicRegistryHost: config.registryPublicHost }),
      autoNamespaces: config.autoNamespaces,
      leaseSeconds: config.collection.leaseSeconds,
      graceSeconds: config.collection.graceSeconds,
      imports: {
        allowPrivate: config.importAllowPrivate,
        deny: config.importDeny,
        ...(config.importRegistries.length > 0 && { registries: config.importRegistries }),
      },
    },
    now: () => new Date(),
    uid: () => randomUUID(),
    suffix: (characters) =>
      Array.from({ length: characters }, () => SUFFIX_CHARACTERS[randomInt(SUFFIX_CHARACTERS.length)]).join(''),
  };
}

/** Opens the store. Throws {StoreError}. */
export async function openStore(
  { store, workers }: Config,
  logger: Logger,
  { signal, figures }: { readonly signal?: AbortSignal | undefined; readonly figures?: StoreFigures } = {},
): Promise<Store> {
  if (store.kind === 'sqlite') {
    return openSqliteStore({
      file: store.file,
      ...(figures && { figures }),
      ...(workers > 1 && { pollMs: WORKER_POLL_MS }),
      onCompactionFailure: (err) => logger.warn({ err }, 'the store could not be compacted; it is tried again'),
    });
  }
  // Loaded only where it is used: gRPC takes as long as half of the rest of a start.
  const { openEtcdStore } = await import('./store/etcd/etcd.ts');
  const warn = (text: string): void => logger.warn(text);
  return openEtcdStore({ location: store.location, warn, ...(signal && { signal }), ...(figures && { figures }) });
}

const UNFINISHED_COPY =
  'the store is a copy that was not finished: run "headgate store copy" again to its end, or name another store';

/** @throws {StoreUnavailable} if the store is half a copy: what is missing in it would be taken for deleted. */
export async function refuseUnfinished(store: Store): Promise<void> {
  if (await isUnfinishedCopy(store)) throw new StoreUnavailable(UNFINISHED_COPY);
}

/** Opens the blobs, with small ones kept in memory; what is not is told to the meters. Throws {BlobError}. */
export async function openCachedBlobs(
  config: Config,
  store: Store,
  logger: Logger,
  meters?: { readonly content: StorageMeter; readonly blobs: BlobFigures },
): Promise<Blobs> {
  const warn = (text: string): void => logger.warn(text);
  const blobs = await openBlobs(config.blobs, { store, warn, ...(meters && { figures: meters.blobs }) });
  return cachedBlobs(meters ? measuredBlobs(blobs, meters.content) : blobs, BLOB_CACHE_BYTES);
}

/**
 * What a server would have, without serving: for commands that work on content, also beside running servers.
 * @throws {UnusableFile} if there is no store yet; {StoreError}; {BlobError}.
 */
export async function openServices(config: Config, logger: Logger): Promise<Services & AsyncDisposable> {
  if (config.store.kind === 'sqlite' && !existsSync(config.store.file)) {
    throw new UnusableFile(config.store.file, "does not exist: name the folder of a server's data with --data");
  }
  await using opened = new AsyncDisposableStack();
  const store = opened.adopt(await openStore(config, logger), (it) => it.close());
  await refuseUnfinished(store);
  const blobs = opened.adopt(await openCachedBlobs(config, store, logger), (it) => it.close());
  const rbac = opened.adopt(new Rbac(store), (it) => it.close());
  const now = (): Date => new Date();
  const accountTokens = opened.adopt(new AccountTokens(store, now, randomUUID), (it) => it.close());
  const userTokens = opened.adopt(new AccessTokens(store, now), (it) => it.close());
  const services = servicesOf(config, { store, blobs, rbac, accountTokens, userTokens }, { registryAddress: '' });
  const kept = opened.move();
  return { ...services, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
