/** For tests: image streams over HTTP, their tags and what became of them. */
import assert from 'node:assert/strict';
import type { NamedTagEventList } from '../src/streams/types.ts';
import type { ImageApi } from './imageapi.ts';

export const ONE = `sha256:${'1'.repeat(64)}`;
export const TWO = `sha256:${'2'.repeat(64)}`;
export const THREE = `sha256:${'3'.repeat(64)}`;

/** An entry of spec.tags. */
type Tag = (name: string, from: string, more?: object) => object;

export const docker: Tag = (name, from, more = {}) => ({ name, from: { kind: 'DockerImage', name: from }, ...more });
export const tracking: Tag = (name, from, more = {}) => ({
  name,
  from: { kind: 'ImageStreamTag', name: from },
  ...more,
});
export const exactly: Tag = (name, from, more = {}) => ({
  name,
  from: { kind: 'ImageStreamImage', name: from },
  ...more,
});

/** Posts what must be created; resolves to the answer's object. */
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into at will
export async function made(api: ImageApi, path: string, body: unknown): Promise<any> {
  const answer = await api.ask('POST', path, body);
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}

/** Makes an image stream. */
export async function stream(api: ImageApi, name: string, tags: object[] = [], spec: object = {}): Promise<void> {
  await made(api, 'imagestreams', { metadata: { name }, spec: { tags, ...spec } });
}

/** Tags an image as a push does: by a mapping. */
export async function push(
  api: ImageApi,
  name: string,
  tag: string,
  image: string,
  repository = 'quay.test/x/app',
): Promise<void> {
  const object = {
    metadata: { name: image },
    dockerImageReference: `${repository}${image.includes(':') ? '@' : ':'}${image}`,
  };
  await made(api, 'imagestreammappings', { metadata: { name }, tag, image: object });
}

/** What status says of a tag. */
export async function history(api: ImageApi, name: string, tag: string): Promise<NamedTagEventList | undefined> {
  const { body } = await api.ask('GET', `imagestreams/${name}`);
  return (body.status.tags as NamedTagEventList[] | undefined)?.find((each) => each.tag === tag);
}

/** Image and generation of each entry, newest first. */
export async function entries(api: ImageApi, name: string, tag: string): Promise<(readonly [string, number])[]> {
  return ((await history(api, name, tag))?.items ?? []).map(({ image, generation }) => [image, generation]);
}

/** Reference of each entry, newest first. */
export async function references(api: ImageApi, name: string, tag: string): Promise<string[]> {
  return ((await history(api, name, tag))?.items ?? []).map(({ dockerImageReference }) => dockerImageReference);
}
