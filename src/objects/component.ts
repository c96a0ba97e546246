/** A component of a schema as it stands in a field: with words of the field's own beside those of the component. */
import type { ObjectSchema, Property } from './schema.ts';

/**
 * A field that holds a component. `description` says what the field is for; the component's own stays beside it as
 * `componentDescription`, so that whoever collects components finds the same words wherever it meets one.
 *
 * `empty` is as in Property; without it the field is a Go struct.
 */
export function field(component: ObjectSchema, description: string, empty?: Property['empty']): Property {
  const own = { componentDescription: component.description ?? '' };
  return Object.assign({}, component, own, { description }, empty && { empty });
}
