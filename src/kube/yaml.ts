/**
 * YAML, for those few who speak it: its library is seventy modules, a tenth of all that a start would otherwise load, so
 * it comes with the first request that needs it.
 */
import { createRequire } from 'node:module';

type Yaml = typeof import('yaml');

const require = createRequire(import.meta.url);
let loaded: Yaml | undefined;

/** The library. The first call takes some tens of milliseconds. */
export function yaml(): Yaml {
  loaded ??= require('yaml') as Yaml;
  return loaded;
}

/** A value as a YAML document that ends with a line break. */
export function yamlText(value: unknown, options: { readonly lineWidth?: number } = {}): string {
  return yaml().stringify(value, options);
}
