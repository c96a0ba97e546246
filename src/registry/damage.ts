/** What is done when content turns out to be damaged while it is being sent: it is looked at again, and set aside. */
import type { Hurt } from '../collecting/scrub.ts';
import type { Digest } from '../image/digest.ts';
import type { Services } from '../objects/context.ts';
import { RegistryError } from './errors.ts';

/** Content is not what its digest says. */
export class ContentDamaged extends RegistryError {
  override name = 'ContentDamaged';
  readonly digest: Digest;
  constructor(digest: Digest) {
    const message = `the content of ${digest} is damaged and is set aside; pushing the image again mends it`;
    super('UNKNOWN', message, { detail: { digest } });
    this.digest = digest;
  }
}

/** What is being looked at: many may meet the same damage. */
const looking = new Set<Digest>();

/** Sets content aside if it is damaged indeed. What that hurts; undefined if it is well, or somebody is at it already. */
export async function setDamageAside(services: Services, digest: Digest): Promise<Hurt | undefined> {
  if (looking.has(digest)) return undefined;
  looking.add(digest);
  try {
    // Loaded when it is needed: it should never be.
    const { scrubOne } = await import('../collecting/scrub.ts');
    return await scrubOne(services, digest);
  } finally {
    looking.delete(digest);
  }
}
