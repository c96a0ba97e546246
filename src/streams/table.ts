/** The tables of image streams, their tags and their images. Cells as OpenShift's printers make them. */
import { imageReferenceColumn, nameColumn } from '../images/table.ts';
import type { TableColumn, TableColumns } from '../objects/resource.ts';
import { age } from './age.ts';
import type { ImageStream, ImageStreamImage, ImageStreamTag, NamedTagEventList } from './types.ts';

/** Columns of the Tags cell, and how far it may run over to look less ragged. */
const TAGS_WIDTH = 40;
const TAGS_MARGIN = TAGS_WIDTH / 4;

const updatedColumn: TableColumn = {
  name: 'Updated',
  type: 'string',
  description: 'How long ago it came to be what it is.',
};

const imageNameColumn: TableColumn = {
  name: 'Image Name',
  type: 'string',
  priority: 1,
  description: 'Name of the Image: the digest of its manifest.',
};

/** Table of image streams. */
export const imageStreamTable: TableColumns<ImageStream> = {
  columns: [
    nameColumn,
    {
      name: 'Image Repository',
      type: 'string',
      description: 'The repository: the public one if there is one, else the one that is imported, else the own one.',
    },
    { name: 'Tags', type: 'string', description: 'The tags, the last moved first, as many as fit.' },
    { ...updatedColumn, description: 'How long ago a tag last moved.' },
  ],
  cells({ metadata, spec, status }, now) {
    const tags = status?.tags ?? [];
    const latest = tags
      .map(createdOf)
      .reduce((last, created) => (instant(created) > instant(last) ? created : last), '');
    const repository =
      status?.publicDockerImageRepository || spec?.dockerImageRepository || status?.dockerImageRepository || '';
    return [metadata.name ?? '', repository, tagsCell(tags), latest && age(latest, now)];
  },
};

/** Table of image stream tags. */
export const imageStreamTagTable: TableColumns<ImageStreamTag> = {
  columns: [nameColumn, imageReferenceColumn, updatedColumn, imageNameColumn],
  cells: ({ metadata, image }, now) => [
    metadata.name ?? '',
    image.dockerImageReference ?? '',
    age(metadata.creationTimestamp, now),
    image.metadata.name ?? '',
  ],
};

/** Table of image stream images. */
export const imageStreamImageTable: TableColumns<ImageStreamImage> = {
  columns: [
    nameColumn,
    { ...updatedColumn, description: 'How long ago the image was stored.' },
    { ...imageReferenceColumn, priority: 1 },
    imageNameColumn,
  ],
  cells: ({ metadata, image }, now) => [
    metadata.name ?? '',
    age(metadata.creationTimestamp, now),
    image.dockerImageReference ?? '',
    image.metadata.name ?? '',
  ],
};

/** When a tag last moved, as RFC 3339; '' if it never did. */
function createdOf(tag: NamedTagEventList): string {
  return tag.items?.[0]?.created ?? '';
}

/** Milliseconds; '' lies before everything. */
function instant(time: string): number {
  return time ? Date.parse(time) : Number.NEGATIVE_INFINITY;
}

/**
 * The tags, newest first, those of one second by name. The last that is shown may run over by a quarter if more than a
 * quarter would stay free without it; the first is shown however long it is.
 */
function tagsCell(tags: readonly NamedTagEventList[]): string {
  const names = [...tags].sort(newestFirst).map(({ tag }) => tag);
  const shown = shownWithin(names);
  const hidden = names.length - shown;
  return names.slice(0, shown).join(',') + (hidden > 0 ? ` + ${hidden} more...` : '');
}

/** How many of the names are shown. Each takes its length and a comma. */
function shownWithin(names: readonly string[]): number {
  let left = TAGS_WIDTH;
  for (const [index, name] of names.entries()) {
    const before = left;
    left -= Buffer.byteLength(name) + 1;
    if (left >= 0) continue;
    if (index === 0) return 1;
    if (before - 1 <= TAGS_MARGIN || -left > TAGS_MARGIN) return index;
  }
  return names.length;
}

function newestFirst(a: NamedTagEventList, b: NamedTagEventList): number {
  const [createdA, createdB] = [instant(createdOf(a)), instant(createdOf(b))];
  if (createdA !== createdB) return createdA > createdB ? -1 : 1;
  return a.tag < b.tag ? -1 : 1;
}
