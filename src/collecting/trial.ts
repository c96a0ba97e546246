/** For tests: a registry's domain in memory, whose every step may be overtaken by others. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { AccountTokens } from '../access/accounttokens.ts';
import { AccessTokens } from '../access/tokens.ts';
import { type Blobs, UploadUnknown } from '../blobs/blobs.ts';
import { type MemoryContent, memoryContent, openMemoryBlobs } from '../blobs/memory/memory.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { parseManifest } from '../image/manifest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../image/mediatype.ts';
import type { Context } from '../objects/context.ts';
import { openMemoryStore } from '../store/memory/memory.ts';
import type { Store } from '../store/store.ts';
import { keepUpload } from '../streams/arrival.ts';
import { pushManifest } from '../streams/push.ts';
import type { RepositoryName } from '../streams/repository.ts';
import { type Collection, collectGarbage } from './collector.ts';

/** An image that can be pushed. */
export interface Made {
  readonly digest: Digest;
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Its own blobs; an index has none. */
  readonly blobs: readonly Buffer[];
  readonly children: readonly Made[];
}

/** An image with one layer for each text; equal texts are equal layers. */
export function made(name: string, layers: readonly string[], more: object = {}): Made {
  const blobs = [JSON.stringify({ architecture: 'amd64', os: 'linux', name }), ...layers].map((text) =>
    Buffer.from(text),
  );
  const [config, ...rest] = blobs.map((blob, index) => ({
    mediaType: index === 0 ? OCI_CONFIG : OCI_LAYER,
    digest: digestOf(blob),
    size: blob.length,
  }));
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: rest, ...more }),
  );
  return { digest: digestOf(bytes), bytes, mediaType: OCI_MANIFEST, blobs, children: [] };
}

/** An index of images. */
export function madeIndex(children: readonly Made[], more: object = {}): Made {
  const manifests = children.map(({ digest, bytes, mediaType }) => ({ mediaType, digest, size: bytes.length }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests, ...more }));
  return { digest: digestOf(bytes), bytes, mediaType: OCI_INDEX, blobs: [], children };
}

/** What a `subject` member says of an image. */
export function subjectOf({ digest, bytes, mediaType }: Made): object {
  return { subject: { mediaType, digest, size: bytes.length } };
}

export interface Trial {
  readonly ctx: Context;
  readonly content: MemoryContent;
  /** Lets time pass. */
  pass(seconds: number): void;
  upload(repo: RepositoryName, blob: Buffer): Promise<void>;
  /** Uploads all that an image needs, then the image, as clients do. */
  push(repo: RepositoryName, image: Made, tag?: string): Promise<void>;
  collect(graceSeconds?: number, dryRun?: boolean): Promise<Collection>;
  close(): Promise<void>;
}

/** Seconds of a lease. */
export const LEASE = 100;

export interface TrialOptions {
  /** Called before and after every step of the store and the blobs. */
  readonly pause?: () => Promise<void>;
}

/** Opens one. */
export function openTrial({ pause }: TrialOptions = {}): Trial {
  const content = memoryContent();
  const store = openMemoryStore();
  const blobs = openMemoryBlobs(content);
  let time = Date.parse('2026-01-01T00:00:00Z');
  const now = (): Date => new Date(time);
  const ctx: Context = {
    accountTokens: new AccountTokens(store, now, randomUUID),
    userTokens: new AccessTokens(store, now),
    store: pause ? interrupted(store, pause) : store,
    blobs: pause ? interrupted(blobs, pause) : blobs,
    authorizer: { authorize: () => ({ allowed: true, reason: '' }) },
    settings: { registryHost: 'registry.test:5000', autoNamespaces: true, leaseSeconds: LEASE },
    now,
    uid: randomUUID,
    suffix: (characters) => 'x'.repeat(characters),
    user: { name: 'tester', groups: [] },
    dryRun: false,
    warn: () => undefined,
  };
  const upload = async (repo: RepositoryName, blob: Buffer): Promise<void> => {
    for (;;) {
      const id = await ctx.blobs.begin();
      await ctx.blobs.append(id, 0, Readable.from([blob]));
      try {
        return await keepUpload(ctx, repo, { id, digest: digestOf(blob), ending: [] });
      } catch (error) {
        // Collected as it came, since there is no grace here: clients send it again.
        if (!(error instanceof UploadUnknown)) throw error;
      }
    }
  };
  const push = async (repo: RepositoryName, image: Made, tag?: string): Promise<void> => {
    for (const child of image.children) await push(repo, child);
    for (const blob of image.blobs) await upload(repo, blob);
    const manifest = parseManifest(image.bytes, image.mediaType);
    const pushed = { digest: image.digest, manifest, bytes: image.bytes };
    await pushManifest(ctx, repo, tag === undefined ? pushed : { ...pushed, tag });
  };
  return {
    ctx,
    content,
    pass: (seconds) => {
      time += seconds * 1000;
    },
    upload,
    push,
    async collect(graceSeconds = 0, dryRun = false) {
      const collection = await collectGarbage(ctx, { graceSeconds, dryRun });
      if (!collection) throw new Error('another run is under way');
      return collection;
    },
    async close() {
      await blobs.close();
      await store.close();
    },
  };
}

/** The same, with a pause before and after each call. */
function interrupted<T extends Store | Blobs>(subject: T, pause: () => Promise<void>): T {
  return new Proxy(subject, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      const method = member.bind(target) as (...args: unknown[]) => unknown;
      if (name === 'watch' || name === 'close') return method;
      return async (...args: unknown[]) => {
        await pause();
        const result = await method(...args);
        await pause();
        return result;
      };
    },
  });
}
