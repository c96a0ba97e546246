/** Whether a push may begin: what would be refused at its end is refused before anything is sent. */
import { NAME_CHARACTERS } from '../image/name.ts';
import { repositoryOf } from '../streams/imagestream.ts';
import { admitPush } from '../streams/push.ts';
import { RegistryError } from './errors.ts';
import { contextOf, type Exchange, type Target } from './exchange.ts';

/**
 * Passes if the namespace exists, or a push makes it, and if images of the repository can be referred to.
 * @throws {RegistryError} NAME_INVALID; {DomainError} NotFound (namespaces).
 */
export async function admit(exchange: Exchange, { repo, name }: Target): Promise<void> {
  const reference = repositoryOf(exchange.services.settings, repo.namespace, repo.stream);
  if (reference.length > NAME_CHARACTERS) {
    const message = `${reference} has ${reference.length} characters; with the registry's host a repository's name has at most ${NAME_CHARACTERS}`;
    throw new RegistryError('NAME_INVALID', message, { detail: { name } });
  }
  await admitPush(contextOf(exchange), repo);
}
