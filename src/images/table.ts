/** The table of images. */
import type { TableColumn, TableColumns } from '../objects/resource.ts';
import type { Image } from './image.ts';

/** The column that every table begins with. */
export const nameColumn: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object; unique in its namespace, or in the whole server where there are no namespaces.',
};

/** Where an image can be pulled. */
export const imageReferenceColumn: TableColumn = {
  name: 'Image Reference',
  type: 'string',
  description: 'Where the image can be pulled, as docker and podman take it.',
};

/** Table of images. */
export const imageTable: TableColumns<Image> = {
  columns: [nameColumn, imageReferenceColumn],
  cells: ({ metadata, dockerImageReference }) => [metadata.name ?? '', dockerImageReference ?? ''],
};
