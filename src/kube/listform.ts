/** How a list is written piece by piece: what comes before, between and after its items, in each form. */
import type { KubeObject } from '../objects/object.ts';
import type { Resource } from '../objects/resource.ts';
import { apiVersionOf, notThis, partialJson, type Rendering } from './representation.ts';
import { type ListMetadata, TABLE_CLOSING, tableOpening, tableRow } from './table.ts';
import { yamlText } from './yaml.ts';

/** One item, in whichever way it is at hand; each is asked for only if the form needs it. */
export interface ListItem {
  /** As JSON without kind and apiVersion, its metadata first. */
  readonly item: () => Buffer;
  /** Parsed. */
  readonly object: () => KubeObject;
}

export interface ListForm {
  opening(metadata: ListMetadata): string;
  /** One item or row. */
  piece(item: ListItem): Buffer | string;
  readonly separator: string;
  /** `empty` tells whether there was no piece. */
  closing(empty: boolean, metadata: ListMetadata): string;
}

/**
 * The form of a list that was negotiated. Ages in Tables are counted to `now`.
 * @throws {DomainError} NotAcceptable if the form is that of one object.
 */
export function listForm(resource: Resource, how: Rendering, now: Date): ListForm {
  if (how.form === 'partial') {
    throw notThis('you requested PartialObjectMetadata, but the requested object is a list');
  }
  const piece = (item: ListItem): Buffer | string => {
    if (how.form === 'table') return tableRow(resource, item.object(), { ...how, now });
    return how.form === 'partialList' ? partialJson(item.item(), how) : item.item();
  };
  if (how.encoding === 'yaml') return yamlForm(resource, how, now, piece);
  return how.pretty ? prettyForm(resource, how, now, piece) : compactForm(resource, how, now, piece);
}

type Piece = ListForm['piece'];

function compactForm(resource: Resource, how: Rendering, now: Date, piece: Piece): ListForm {
  if (how.form === 'table') {
    const opening = (metadata: ListMetadata): string => tableOpening(resource, { ...how, now, metadata });
    return { opening, piece, separator: ',', closing: () => TABLE_CLOSING };
  }
  const opening = (metadata: ListMetadata): string =>
    `${JSON.stringify(headOf(resource, how, now, metadata)).slice(0, -1)},"items":[`;
  if (how.form === 'object') return { opening, piece, separator: ',', closing: () => ']}\n' };
  return {
    // The bracket comes with the first item, since without any there is none.
    opening: (metadata) => opening(metadata).slice(0, -1),
    piece: afterBracket(piece, ','),
    separator: '',
    closing: (empty) => (empty ? 'null}\n' : ']}\n'),
  };
}

/** Pieces with what stands before each. */
function afterBracket(piece: Piece, separator: string): Piece {
  let before = '[';
  return (item) => {
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from(piece(item))]);
    before = separator;
    return bytes;
  };
}

function prettyForm(resource: Resource, how: Rendering, now: Date, piece: Piece): ListForm {
  const indent = '    ';
  return {
    opening: (metadata) => {
      const head = JSON.stringify(headOf(resource, how, now, metadata), null, 2).slice(0, -'\n}'.length);
      return `${head},\n  "${membersOf(how)}": `;
    },
    piece: afterBracket((item) => {
      const text = JSON.stringify(JSON.parse(piece(item).toString()), null, 2);
      return `\n${indent}${text.replaceAll('\n', `\n${indent}`)}`;
    }, ','),
    separator: '',
    closing: (empty) => (empty ? `${none(how)}\n}\n` : '\n  ]\n}\n'),
  };
}

/** A list of metadata that is empty is none: the reference makes it item by item. */
function none(how: Rendering): string {
  return how.form === 'partialList' ? 'null' : '[]';
}

/**
 * A sequence may stand under its key without being indented, so items need not know where they are. Members stand in the
 * order of their names, so that `items` come before, `rows` after all but the version.
 */
function yamlForm(resource: Resource, how: Rendering, now: Date, piece: Piece): ListForm {
  return {
    opening: (metadata) => {
      const head = headOf(resource, how, now, metadata);
      const members = `${membersOf(how)}:`;
      if (how.form === 'table') return yamlText(head) + members;
      return yamlText({ apiVersion: head.apiVersion }) + members;
    },
    piece: (item) => `\n${yamlText([JSON.parse(piece(item).toString())]).trimEnd()}`,
    separator: '',
    closing: (empty, metadata) => {
      const end = empty ? ` ${none(how)}\n` : '\n';
      if (how.form === 'table') return end;
      const { apiVersion: _written, ...others } = headOf(resource, how, now, metadata);
      return end + yamlText(others);
    },
  };
}

function membersOf(how: Rendering): string {
  return how.form === 'table' ? 'rows' : 'items';
}

/** All of a list but its items. */
function headOf(
  resource: Resource,
  how: Rendering,
  now: Date,
  metadata: ListMetadata,
): Readonly<Record<string, unknown>> {
  if (how.form === 'table') {
    const { rows: _rows, ...head } = JSON.parse(tableOpening(resource, { ...how, now, metadata }) + TABLE_CLOSING);
    return head;
  }
  if (how.form === 'partialList') return { kind: 'PartialObjectMetadataList', apiVersion: how.apiVersion, metadata };
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata };
}
