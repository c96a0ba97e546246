/** Pages of names: `?n=` and `?last=`, and the Link to the next page (RFC 5988). */
import { RegistryError } from './errors.ts';

/** What part of a list is asked for. */
export interface PageRequest {
  /** Only names after this one; it need not exist. */
  readonly after?: string;
  /** At most so many. */
  readonly limit: number;
}

/**
 * The page that a query asks for. More than `most` is cut to that, which the Link of the answer tells.
 * @throws {RegistryError} PAGINATION_NUMBER_INVALID.
 */
export function parsePage(query: URLSearchParams, most: number): PageRequest {
  const last = query.get('last');
  const limit = parseLimit(query.get('n'), most);
  if (last === null || last === '') return { limit };
  // No name holds NUL, so cutting there leaves the same names behind it.
  const end = last.indexOf('\0');
  return { after: end === -1 ? last : last.slice(0, end), limit };
}

function parseLimit(text: string | null, most: number): number {
  if (text === null || text === '') return most;
  if (!/^\d{1,15}$/.test(text)) {
    const message = `n=${JSON.stringify(text)} is not a number of entries; use digits, or leave it out`;
    throw new RegistryError('PAGINATION_NUMBER_INVALID', message, { detail: { n: text } });
  }
  return Math.min(Number(text), most);
}

/** The Link header, relative as the path is, if there is a next page. */
export function nextLink(
  path: string,
  page: PageRequest,
  answer: { readonly last: string | undefined; readonly more: boolean },
): Record<string, string> {
  if (!answer.more || answer.last === undefined) return {};
  return { Link: `<${path}?n=${page.limit}&last=${encodeURIComponent(answer.last)}>; rel="next"` };
}
