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
  closing(empty: boolean): string;
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
  return {
    opening: (metadata) => `${JSON.stringify(headOf(resource, how, now, metadata)).slice(0, -1)},"items":[`,
    piece,
    separator: ',',
    closing: () => ']}\n',
  };
}

function prettyForm(resource: Resource, how: Rendering, now: Date, piece: Piece): ListForm {
  const indent = '    ';
  return {
    opening: (metadata) => {
      const head = JSON.stringify(headOf(resource, how, now, metadata), null, 2).slice(0, -'\n}'.length);
      return `${head},\n  "${membersOf(how)}": [`;
    },
    piece: (item) => {
      const text = JSON.stringify(JSON.parse(piece(item).toString()), null, 2);
      return `\n${indent}${text.replaceAll('\n', `\n${indent}`)}`;
    },
    separator: ',',
    closing: (empty) => (empty ? ']\n}\n' : '\n  ]\n}\n'),
  };
}

/** A sequence may stand under its key without being indented, so items need not know where they are. */
function yamlForm(resource: Resource, how: Rendering, now: Date, piece: Piece): ListForm {
  return {
    opening: (metadata) => `${yamlText(headOf(resource, how, now, metadata))}${membersOf(how)}:`,
    piece: (item) => `\n${yamlText([JSON.parse(piece(item).toString())]).trimEnd()}`,
    separator: '',
    closing: (empty) => (empty ? ' []\n' : '\n'),
  };
}

function membersOf(how: Rendering): string {
  return how.form === 'table' ? 'rows' : 'items';
}

/** All of a list but its items. */
function headOf(resource: Resource, how: Rendering, now: Date, metadata: ListMetadata): object {
  if (how.form === 'table') {
    const { rows: _rows, ...head } = JSON.parse(tableOpening(resource, { ...how, now, metadata }) + TABLE_CLOSING);
    return head;
  }
  if (how.form === 'partialList') return { kind: 'PartialObjectMetadataList', apiVersion: how.apiVersion, metadata };
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata };
}
