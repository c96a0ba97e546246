/** For tests: imports into the stream `app` of a store in memory. */
import assert from 'node:assert/strict';
import type { Context } from '../src/objects/context.ts';
import { createObject } from '../src/objects/writes.ts';
import { findStream, imageStreams } from '../src/streams/imagestream.ts';
import { imageStreamImports } from '../src/streams/imagestreamimport.ts';
import { listMoves } from '../src/streams/tagmove.ts';
import type {
  ImageImportSpec,
  ImageStream,
  ImageStreamImport,
  RepositoryImportSpec,
  TagImportPolicy,
  TagReference,
} from '../src/streams/types.ts';
import { testContext } from './context.ts';

export const LEGACY: TagImportPolicy = { insecure: true, importMode: 'Legacy' };
export const WHOLE: TagImportPolicy = { insecure: true, importMode: 'PreserveOriginal' };

export async function contextHere(changes: Partial<Context> = {}): Promise<Awaited<ReturnType<typeof testContext>>> {
  const imports = { allowPrivate: true, deny: [] };
  return testContext({ settings: { registryHost: 'registry.test:5000', autoNamespaces: true, imports }, ...changes });
}

export function image(name: string, to?: string, importPolicy: TagImportPolicy = LEGACY): ImageImportSpec {
  const from = { kind: 'DockerImage', name };
  return { from, ...(to !== undefined && { to: { name: to } }), importPolicy, referencePolicy: { type: 'Source' } };
}

export function repository(name: string, importPolicy: TagImportPolicy = LEGACY): RepositoryImportSpec {
  return { from: { kind: 'DockerImage', name }, importPolicy, referencePolicy: { type: 'Source' } };
}

export async function post(
  ctx: Context,
  name: string,
  spec: Partial<ImageStreamImport['spec']>,
  metadata: ImageStreamImport['metadata'] = {},
): Promise<ImageStreamImport> {
  const object = { metadata: { name, ...metadata }, spec: { import: true, ...spec }, status: {} };
  return (await imageStreamImports.computed?.create?.(ctx, 'default', object)) as ImageStreamImport;
}

export const importing = (ctx: Context, ...images: ImageImportSpec[]) => post(ctx, 'app', { images });
export const streamOf = async (ctx: Context): Promise<ImageStream> =>
  (await findStream(ctx, 'default', 'app')) ?? assert.fail('there is no stream');
export const tagOf = ({ spec }: ImageStream, tag: string): TagReference | undefined =>
  spec?.tags?.find(({ name }) => name === tag);
export const historyOf = ({ status }: ImageStream, tag: string) => status?.tags?.find((history) => history.tag === tag);
export const movesOf = async (ctx: Context) =>
  (await listMoves(ctx.store, 'default', 'app')).map(({ tag, cause, from, to }) => [
    tag,
    cause,
    from?.image,
    to?.image,
  ]);

export async function give(ctx: Context, tags: TagReference[], more: Partial<ImageStream['spec']> = {}): Promise<void> {
  await createObject(ctx, imageStreams, 'default', { metadata: { name: 'app' }, spec: { tags, ...more } });
}
