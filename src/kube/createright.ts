/** The right to create, which an update or an apply needs as well when there is nothing yet. */
import { refusalOf } from '../access/authorizer.ts';
import type { Context } from '../objects/context.ts';
import { forbidden } from '../objects/errors.ts';
import type { Resource } from '../objects/resource.ts';

/** @throws {DomainError} Forbidden */
export async function checkCreate(ctx: Context, resource: Resource, namespace: string, name: string): Promise<void> {
  const attributes = {
    verb: 'create',
    group: resource.group,
    resource: resource.resource,
    ...(namespace && { namespace }),
    name,
  };
  const decision = await ctx.authorizer.authorize(ctx.user, attributes);
  if (!decision.allowed) throw forbidden(resource, name, refusalOf(ctx.user, attributes, decision));
}
