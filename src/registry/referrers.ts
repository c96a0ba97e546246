/** Referrers: the manifests that name a manifest as their subject (signatures, SBOMs, attestations). */
import { OCI_INDEX } from '../image/mediatype.ts';
import { REFERRERS_BYTES } from '../limits.ts';
import { type Referrer, referrers } from '../streams/repository.ts';
import { requireDigest } from './blobs.ts';
import { answerJson, type Exchange, type Target } from './exchange.ts';
import { parsePage } from './paging.ts';

/** GET: an image index, always; it is empty for what has no referrers, has not come yet, or never will. */
export async function listReferrers(exchange: Exchange, target: Target): Promise<void> {
  const digest = requireDigest(target.last);
  const query = new URLSearchParams(exchange.query);
  const { after, limit } = parsePage(query, Number.MAX_SAFE_INTEGER);
  // A media type holds no blank: it is a plus sign that the client did not escape.
  const artifactType = (query.get('artifactType') ?? '').replaceAll(' ', '+');
  const all = await referrers(exchange.services, target.repo, digest);
  const matching = artifactType === '' ? all : all.filter((referrer) => referrer.artifactType === artifactType);
  const page = cutPage(matching, after, limit);
  const headers: Record<string, string> = { 'Content-Type': OCI_INDEX };
  if (artifactType !== '') headers['OCI-Filters-Applied'] = 'artifactType';
  if (page.next !== undefined) {
    const next = new URLSearchParams();
    if (artifactType !== '') next.set('artifactType', artifactType);
    if (query.has('n')) next.set('n', String(limit));
    next.set('last', page.next);
    headers.Link = `</v2/${target.name}/referrers/${digest}?${next.toString()}>; rel="next"`;
  }
  const manifests = page.manifests.join(',');
  answerJson(exchange, `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[${manifests}]}`, headers);
}

/** The descriptors after `after` (in the order of digests) that fit into one answer, each as JSON. */
function cutPage(
  all: readonly Referrer[],
  after: string | undefined,
  limit: number,
): { readonly manifests: readonly string[]; readonly next: string | undefined } {
  const sorted = [...all].sort((a, b) => (a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : 0));
  const manifests: string[] = [];
  let bytes = 0;
  let last: string | undefined;
  for (const referrer of sorted) {
    if (after !== undefined && referrer.digest <= after) continue;
    const text = JSON.stringify(referrer);
    bytes += Buffer.byteLength(text) + 1;
    const full = manifests.length === limit || (manifests.length > 0 && bytes > REFERRERS_BYTES);
    if (full) return { manifests, next: last };
    manifests.push(text);
    last = referrer.digest;
  }
  return { manifests, next: undefined };
}
