/** JSON merge patches (RFC 7386): null removes, objects are merged, all else replaces. Pure. */
import { isObject, setMember } from './json.ts';

/**
 * The target with the patch applied. Neither is changed; parts of both are part of the result.
 * No recursion limit is needed: bodies are refused beyond JSON_DEPTH when they are read.
 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = {};
  if (isObject(target)) for (const [key, value] of Object.entries(target)) setMember(result, key, value);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setMember(result, key, applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value));
  }
  return result;
}
