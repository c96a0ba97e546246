/** Rules of a role, compiled: whether they allow something is a lookup by resource, not a walk over all of them. */
import type { PolicyRule } from './role.ts';
import type { Attributes } from './user.ts';

/** What is asked, prepared once for all roles that are looked at. */
export type Question = ResourceQuestion | PathQuestion;

interface ResourceQuestion {
  readonly verb: string;
  readonly group: string;
  readonly name: string;
  /** `imagestreams` or `imagestreams/layers`. */
  readonly resource: string;
  /** What stands for this subresource of every resource; undefined if no subresource is meant. */
  readonly anySubresource: string | undefined;
}

interface PathQuestion {
  readonly verb: string;
  readonly path: string;
}

/**
 * The question that attributes ask. `imagestreams/layers` may come as the resource (as OpenShift's registry asks) or as
 * a resource and a subresource (as the API server does): both ask the same.
 */
export function questionOf(attributes: Attributes): Question {
  if ('path' in attributes) return attributes;
  const { verb, group, name = '', subresource } = attributes;
  const resource = subresource ? `${attributes.resource}/${subresource}` : attributes.resource;
  const slash = resource.indexOf('/');
  return { verb, group, name, resource, anySubresource: slash < 0 ? undefined : `*${resource.slice(slash)}` };
}

/** A rule about resources; undefined stands for "all". */
interface ResourceRule {
  readonly verbs: ReadonlySet<string> | undefined;
  readonly groups: ReadonlySet<string> | undefined;
  readonly names: ReadonlySet<string> | undefined;
}

interface PathRule {
  readonly verbs: ReadonlySet<string> | undefined;
  readonly paths: readonly string[];
}

/** The rules of one role. */
export class RuleSet {
  /** As they were given. */
  readonly rules: readonly PolicyRule[];
  readonly #byResource = new Map<string, ResourceRule[]>();
  readonly #paths: PathRule[] = [];

  constructor(rules: readonly PolicyRule[]) {
    this.rules = rules;
    for (const rule of rules) this.#add(rule);
  }

  #add({ verbs, apiGroups, resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule): void {
    const compiledVerbs = anyOf(verbs ?? []);
    if (nonResourceURLs.length > 0) this.#paths.push({ verbs: compiledVerbs, paths: nonResourceURLs });
    if (resources.length === 0) return;
    const rule: ResourceRule = {
      verbs: compiledVerbs,
      groups: anyOf(apiGroups ?? []),
      names: resourceNames.length === 0 ? undefined : new Set(resourceNames),
    };
    for (const resource of new Set(resources)) {
      const found = this.#byResource.get(resource);
      if (found) found.push(rule);
      else this.#byResource.set(resource, [rule]);
    }
  }

  /** Whether a rule allows it. */
  allows(question: Question): boolean {
    if ('path' in question) return this.#allowsPath(question);
    return (
      allowsAny(this.#byResource.get(question.resource), question) ||
      allowsAny(this.#byResource.get('*'), question) ||
      (question.anySubresource !== undefined && allowsAny(this.#byResource.get(question.anySubresource), question))
    );
  }

  #allowsPath({ verb, path }: PathQuestion): boolean {
    return this.#paths.some(
      ({ verbs, paths }) => (!verbs || verbs.has(verb)) && paths.some((pattern) => matchesPath(pattern, path)),
    );
  }
}

/** The words as a set; undefined if one of them stands for all. */
function anyOf(words: readonly string[]): ReadonlySet<string> | undefined {
  return words.includes('*') ? undefined : new Set(words);
}

function allowsAny(rules: readonly ResourceRule[] | undefined, { verb, group, name }: ResourceQuestion): boolean {
  if (!rules) return false;
  for (const { verbs, groups, names } of rules) {
    if ((!verbs || verbs.has(verb)) && (!groups || groups.has(group)) && (!names || names.has(name))) return true;
  }
  return false;
}

function matchesPath(pattern: string, path: string): boolean {
  if (pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, ''));
}
