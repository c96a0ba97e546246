/** The table of image tags: what each should be beside what it is. Cells as OpenShift's printer makes them. */
import { nameColumn } from '../images/table.ts';
import type { TableColumns } from '../objects/resource.ts';
import { age } from './age.ts';
import type { ImageTag, NamedTagEventList, TagEvent, TagReference } from './types.ts';

/** Table of image tags. */
export const imageTagTable: TableColumns<ImageTag> = {
  columns: [
    nameColumn,
    {
      name: 'Spec',
      type: 'string',
      description:
        'Where the tag takes its image from: Tag, Scheduled (looked up from time to time), Ref (named, not imported), Track (follows another tag), Push (the image was pushed).',
    },
    {
      name: 'Status',
      type: 'string',
      description: 'What the tag names now, or shall name; or what is going on or went wrong with its import.',
    },
    { name: 'History', type: 'number', description: 'How many images the tag names and has named.' },
    { name: 'Updated', type: 'string', description: 'How long ago the tag moved, or its import failed.' },
  ],
  cells({ metadata, spec, status }, now) {
    const wanted = wantedOf(spec);
    const event = status?.items?.[0];
    const found = event ? withEvent(wanted, event, spec?.generation ?? 0) : wanted;
    const updated = updatedOf(status);
    return [
      metadata.name ?? '',
      found.kind,
      importFailure(status) || found.trouble || found.source,
      status?.items?.length || null,
      updated && age(updated, now),
    ];
  },
};

interface Cells {
  /** The Spec cell. */
  readonly kind: '' | 'Tag' | 'Ref' | 'Scheduled' | 'Track' | 'Push';
  /** What the tag names or shall name. */
  readonly source: string;
  /** Stands in the Status cell instead, if it is not empty. */
  readonly trouble: '' | 'InvalidRefName' | 'InvalidRefKind' | 'Importing';
}

function wantedOf(spec: TagReference | null): Cells {
  const from = spec?.from;
  if (!from) return { kind: '', source: '', trouble: '' };
  const kind = spec.importPolicy?.scheduled ? 'Scheduled' : spec.reference ? 'Ref' : 'Tag';
  const name = from.name ?? '';
  switch (from.kind) {
    case 'DockerImage':
      return { kind, source: name, trouble: '' };
    case 'ImageStreamImage': {
      const at = name.indexOf('@');
      if (at < 0) return { kind, source: '', trouble: 'InvalidRefName' };
      return { kind, source: `image/${name.slice(at + 1)}`, trouble: '' };
    }
    case 'ImageStreamTag': {
      const source = from.namespace ? `istag ${from.namespace}/${name}` : `istag/${name}`;
      return { kind: name.includes(':') ? kind : 'Track', source, trouble: '' };
    }
    default:
      return { kind, source: '', trouble: 'InvalidRefKind' };
  }
}

/** What the newest history entry says beside what is wanted. Generations of 0 are not known and say nothing. */
function withEvent(wanted: Cells, event: TagEvent, generation: number): Cells {
  const known = generation > 0 && event.generation > 0;
  const importing = known && event.generation < generation;
  const named = event.image ? `image/${event.image}` : event.dockerImageReference;
  const source = importing ? wanted.source : named || wanted.source;
  // The generation of a tag that tracks another is the other's, and tells nothing here.
  const newer = wanted.kind !== 'Track' && known && event.generation > generation;
  const pushed = newer || (wanted.kind === '' && source !== '');
  return { kind: pushed ? 'Push' : wanted.kind, source, trouble: importing ? 'Importing' : wanted.trouble };
}

/** `ImportFailed (…)` if the last import failed; '' otherwise. */
function importFailure(status: NamedTagEventList | null): string {
  const failed = status?.conditions?.findLast(({ type, status }) => type === 'ImportSuccess' && status === 'False');
  return failed ? `ImportFailed (${failed.reason ?? ''})` : '';
}

/** The latest of the newest entry and all conditions, as RFC 3339; '' if there is none. */
function updatedOf(status: NamedTagEventList | null): string {
  let last = status?.items?.[0]?.created ?? '';
  for (const { lastTransitionTime } of status?.conditions ?? []) {
    if (lastTransitionTime && (!last || Date.parse(lastTransitionTime) > Date.parse(last))) last = lastTransitionTime;
  }
  return last;
}
