/** Streams without something that was in them. Pure. */
import type { ImageStream } from './types.ts';

/** The stream without a tag, in spec and status. */
export function withoutTag(stream: ImageStream, tag: string): ImageStream {
  const spec = stream.spec && { ...stream.spec, tags: (stream.spec.tags ?? []).filter(({ name }) => name !== tag) };
  const tags = (stream.status?.tags ?? []).filter((history) => history.tag !== tag);
  return { ...stream, ...(spec && { spec }), ...(stream.status && { status: { ...stream.status, tags } }) };
}

/** The stream without an image: tags that point to it are gone, others forget that they once did. */
export function withoutImage(stream: ImageStream, image: string): ImageStream {
  const gone = (stream.status?.tags ?? []).filter(({ items }) => items?.[0]?.image === image).map(({ tag }) => tag);
  const kept = gone.reduce(withoutTag, stream);
  const tags = (kept.status?.tags ?? []).map((history) => ({
    ...history,
    items: (history.items ?? []).filter((item) => item.image !== image),
  }));
  return { ...kept, ...(kept.status && { status: { ...kept.status, tags } }) };
}
