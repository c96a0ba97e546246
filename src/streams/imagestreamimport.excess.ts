/** What an import leaves behind when LimitRanges forbid its outcome: the tags that it would have made say why. */
import type { Context } from '../objects/context.ts';
import { DomainError, type GroupResource, isProblem } from '../objects/errors.ts';
import { fieldErrorsText } from '../objects/fielderrors.ts';
import { apiTime } from '../objects/object.ts';
import { quoted } from '../objects/quoting.ts';
import type { KeptObject } from '../objects/values.ts';
import type { Imported } from './imagestreamimport.tags.ts';
import { updateStream } from './imagestreamimport.write.ts';
import { isStreamExcess } from './limits.ts';
import type { NamedTagEventList, TagEventCondition } from './types.ts';

/**
 * If an import failed because of a limit: gives the tags that are not in the stream yet a condition that tells of it, as
 * openshift-apiserver does (pkg/image/apiserver/registry/imagestreamimport/rest.go). Nothing else changes.
 */
export async function recordExcess(
  ctx: Context,
  asked: { readonly resource: GroupResource; readonly namespace: string },
  old: { readonly kept: KeptObject; readonly stream: Imported['stream'] },
  wanted: Imported['stream'],
  error: unknown,
): Promise<void> {
  if (!isProblem(error, 'Invalid') || error.problem.reason !== 'Invalid') return;
  const { kind, name, causes } = error.problem;
  if (!causes.some(({ detail }) => isStreamExcess(detail))) return;
  const condition: TagEventCondition = {
    type: 'ImportSuccess',
    status: 'False',
    lastTransitionTime: apiTime(ctx.now()),
    reason: 'Invalid',
    message: `${kind.kind}.${kind.group} ${quoted(name)} is invalid: ${fieldErrorsText(causes)}`,
    generation: (old.stream.metadata.generation ?? 0) + 1,
  };
  const histories = old.stream.status?.tags ?? [];
  const known = new Set(histories.map(({ tag }) => tag));
  const refused = (wanted.status?.tags ?? [])
    .filter(({ tag }) => !known.has(tag))
    .map(({ tag }): NamedTagEventList => ({ tag, items: null, conditions: [condition] }));
  const tags = [...histories, ...refused].sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const status = { ...(old.stream.status ?? { dockerImageRepository: '' }), tags };
  try {
    await updateStream(ctx, asked, { stream: { ...old.stream, status }, drafts: [] }, old);
  } catch (failure) {
    // That the limit forbids the import is what the client has to hear.
    if (!(failure instanceof DomainError)) throw failure;
  }
}
