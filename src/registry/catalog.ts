/** The list of all repositories. */
import { CATALOG_PAGE } from '../limits.ts';
import { repositoryNames } from '../streams/repository.ts';
import { answerJson, type Exchange } from './exchange.ts';
import { nextLink, parsePage } from './paging.ts';
import { permitCatalog } from './permission.ts';

/** GET `/v2/_catalog`: in byte order, with a Link when there are more. */
export async function listRepositories(exchange: Exchange): Promise<void> {
  await permitCatalog(exchange);
  const page = parsePage(new URLSearchParams(exchange.query), CATALOG_PAGE);
  const { names, more } = await repositoryNames(exchange.services, page);
  const link = nextLink('/v2/_catalog', page, { last: names.at(-1), more });
  answerJson(exchange, JSON.stringify({ repositories: names }), link);
}
