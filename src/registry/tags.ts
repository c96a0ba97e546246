/** The list of a repository's tags. */
import { TAGS_PAGE } from '../limits.ts';
import { tagNames } from '../streams/tagnames.ts';
import { nameUnknown } from './errors.ts';
import { answerJson, type Exchange, type Target } from './exchange.ts';
import { nextLink, parsePage } from './paging.ts';

/** GET `tags/list`: in byte order, with a Link when there are more. */
export async function listTags(exchange: Exchange, target: Target): Promise<void> {
  const page = parsePage(new URLSearchParams(exchange.query), TAGS_PAGE);
  const answer = await tagNames(exchange.services, target.repo, page);
  if (!answer) throw nameUnknown(target.name);
  const { tags, more } = answer;
  const link = nextLink(`/v2/${target.name}/tags/list`, page, { last: tags.at(-1), more });
  answerJson(exchange, JSON.stringify({ name: target.name, tags }), link);
}
