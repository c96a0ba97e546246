/**
 * What a caller may do with a repository. As in OpenShift, pull and push are `get` and `update` on `imagestreams/layers`.
 * Deleting needs what deletes the same thing through the API: `delete` on `imagestreamtags` of the namespace, or on
 * `images` of the whole cluster, which a pruner has (OpenShift's registry knows only the latter).
 */
import type { ResourceAttributes } from '../access/user.ts';
import { IMAGE_GROUP } from '../images/image.ts';
import type { Awaitable } from '../store/store.ts';
import type { RepositoryName } from '../streams/repository.ts';
import { RegistryError } from './errors.ts';
import type { Exchange, Target } from './exchange.ts';

export type Action = 'pull' | 'push' | 'delete' | 'sign';

/** Images are signed for all namespaces at once, so a binding in one of them would not do. */
const HINT = {
  pull: 'the role system:image-puller in the namespace',
  push: 'the role system:image-pusher in the namespace',
  delete: 'the role edit in the namespace',
  sign: 'the role system:image-signer in the whole cluster, not only in the namespace',
} as const;

const VERBS = {
  pull: 'pull from',
  push: 'push to',
  delete: 'delete from',
  sign: 'sign images of',
} as const;

function layers(repo: RepositoryName, verb: 'get' | 'update'): ResourceAttributes {
  return {
    verb,
    group: IMAGE_GROUP,
    resource: 'imagestreams',
    subresource: 'layers',
    namespace: repo.namespace,
    name: repo.stream,
  };
}

/** Passes if the caller may do it. @throws {RegistryError} DENIED; UNAUTHORIZED if nobody has authenticated. */
export function permit(exchange: Exchange, target: Target, action: 'pull' | 'push'): Awaitable<void> {
  const attributes = layers(target.repo, action === 'pull' ? 'get' : 'update');
  const decision = exchange.services.authorizer.authorize(exchange.user, attributes);
  if (decision instanceof Promise) {
    return decision.then(({ allowed, reason }) => {
      if (!allowed) throw denied(exchange, target, action, reason);
    });
  }
  if (!decision.allowed) throw denied(exchange, target, action, decision.reason);
}

/** Whether the caller may push to a repository. */
export function mayPush(exchange: Exchange, repo: RepositoryName): Awaitable<boolean> {
  const decision = exchange.services.authorizer.authorize(exchange.user, layers(repo, 'update'));
  return decision instanceof Promise ? decision.then(({ allowed }) => allowed) : decision.allowed;
}

/** Whether the caller may pull from a repository. */
export async function mayPull(exchange: Exchange, repo: RepositoryName): Promise<boolean> {
  return (await exchange.services.authorizer.authorize(exchange.user, layers(repo, 'get'))).allowed;
}

/** Passes if the caller may delete a tag, or a manifest or blob (no tag given). @throws {RegistryError} as `permit`. */
export async function permitDelete(exchange: Exchange, target: Target, tag?: string): Promise<void> {
  const { namespace, stream } = target.repo;
  const tags = { verb: 'delete', group: IMAGE_GROUP, resource: 'imagestreamtags', namespace };
  const asked = tag === undefined ? tags : { ...tags, name: `${stream}:${tag}` };
  const decision = await exchange.services.authorizer.authorize(exchange.user, asked);
  if (decision.allowed) return;
  const images = { verb: 'delete', group: IMAGE_GROUP, resource: 'images' };
  if ((await exchange.services.authorizer.authorize(exchange.user, images)).allowed) return;
  throw denied(exchange, target, 'delete', decision.reason);
}

/** Passes if the caller may add signatures to images. @throws {RegistryError} as `permit`. */
export async function permitSigning(exchange: Exchange, target: Target): Promise<void> {
  const attributes = { verb: 'create', group: IMAGE_GROUP, resource: 'imagesignatures' };
  const decision = await exchange.services.authorizer.authorize(exchange.user, attributes);
  if (!decision.allowed) throw denied(exchange, target, 'sign', decision.reason);
}

/** Passes if the caller may prune images of the whole cluster. @throws {RegistryError} as `permit`. */
export async function permitPruning(exchange: Exchange): Promise<void> {
  await permitEverywhere(exchange, { verb: 'delete', group: IMAGE_GROUP, resource: 'images' }, 'prune images');
}

/** Passes if the caller may read the registry's metrics. @throws {RegistryError} as `permit`. */
export async function permitMetrics(exchange: Exchange): Promise<void> {
  const attributes = { verb: 'get', group: IMAGE_GROUP, resource: 'registry', subresource: 'metrics' };
  await permitEverywhere(exchange, attributes, "read the registry's metrics");
}

async function permitEverywhere(exchange: Exchange, attributes: ResourceAttributes, what: string): Promise<void> {
  const decision = await exchange.services.authorizer.authorize(exchange.user, attributes);
  if (decision.allowed) return;
  if (exchange.anonymous) throw unauthorized();
  const { verb, resource, subresource } = attributes;
  const on = subresource === undefined ? resource : `${resource}/${subresource}`;
  throw new RegistryError(
    'DENIED',
    `${JSON.stringify(exchange.user.name)} may not ${what}; it takes the verb ${verb} on ${on} in the whole cluster${because(decision.reason)}`,
  );
}

/** Passes if the caller may see the names of all repositories. @throws {RegistryError} as `permit`. */
export async function permitCatalog(exchange: Exchange): Promise<void> {
  const attributes = { verb: 'list', group: IMAGE_GROUP, resource: 'imagestreams' };
  await permitEverywhere(exchange, attributes, 'list the repositories of all namespaces');
}

function denied(exchange: Exchange, target: Target, action: Action, reason: string): RegistryError {
  if (exchange.anonymous) return unauthorized();
  const { namespace, stream } = target.repo;
  const verb = VERBS[action];
  return new RegistryError(
    'DENIED',
    `${JSON.stringify(exchange.user.name)} may not ${verb} ${namespace}/${stream}; ask for ${HINT[action]} ${namespace}${because(reason)}`,
    { detail: { repository: `${namespace}/${stream}`, action } },
  );
}

/** What whoever has not authenticated is told. */
export function unauthorized(): RegistryError {
  return new RegistryError('UNAUTHORIZED', 'log in first: any user name, the API token as password');
}

function because(reason: string): string {
  return reason === '' ? '' : ` (${reason})`;
}
