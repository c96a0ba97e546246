/**
 * Whether somebody may give away what a role holds: nobody grants what they do not hold themselves. Rules are taken apart
 * into the single things that they allow, and each must be allowed by the rules that the giver has.
 */
import { ROLE_COMBINATIONS } from '../limits.ts';
import { quoted } from '../objects/quoting.ts';
import type { PolicyRule } from './role.ts';
import { questionOf, RuleSet } from './rules.ts';
import type { User } from './user.ts';

/** A name that no object has: a rule without resourceNames is only held by whoever holds it for every name. */
const ANY_NAME = '\0';

/** There are too many combinations of verbs, groups and resources to look at each. */
export class TooManyCombinations extends Error {
  override name = 'TooManyCombinations';
}

/**
 * What of `wanted` is not covered by `held`: single things, in order.
 * @throws {TooManyCombinations}
 */
export function missingRules(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const set = new RuleSet(held);
  const missing: PolicyRule[] = [];
  let left = ROLE_COMBINATIONS;
  for (const rule of wanted) {
    left -= combinationsOf(rule);
    if (left < 0) throw new TooManyCombinations();
    for (const single of singlesOf(rule)) {
      if (!isHeld(set, single)) missing.push(single);
    }
  }
  return missing;
}

/**
 * What two sets of rules both allow, as single things put together by their verbs.
 * @throws {TooManyCombinations}
 */
export function sharedRules(some: readonly PolicyRule[], others: readonly PolicyRule[]): PolicyRule[] {
  const seen = new Map<string, PolicyRule>();
  // Each side is taken apart, since what stands for all of something is only found in the other's words.
  for (const [rules, held] of [[some, new RuleSet(others)] as const, [others, new RuleSet(some)] as const]) {
    if (rules.reduce((sum, rule) => sum + combinationsOf(rule), 0) > ROLE_COMBINATIONS) throw new TooManyCombinations();
    for (const rule of rules) {
      for (const single of singlesOf(rule)) if (isHeld(held, single)) seen.set(JSON.stringify(single), single);
    }
  }
  return compact([...seen.values()]);
}

function combinationsOf({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): number {
  const names = Math.max(1, resourceNames?.length ?? 0);
  const things = (apiGroups?.length ?? 0) * (resources?.length ?? 0) * names + (nonResourceURLs?.length ?? 0);
  return (verbs?.length ?? 0) * things;
}

function* singlesOf(rule: PolicyRule): Generator<PolicyRule> {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const verb of verbs ?? []) {
        const single = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (resourceNames.length === 0) yield single;
        for (const name of resourceNames) yield { ...single, resourceNames: [name] };
      }
    }
  }
  for (const path of nonResourceURLs) for (const verb of verbs ?? []) yield { verbs: [verb], nonResourceURLs: [path] };
}

function isHeld(set: RuleSet, { verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): boolean {
  const verb = verbs?.[0] ?? '';
  const path = nonResourceURLs?.[0];
  if (path !== undefined) return set.allows(questionOf({ verb, path }));
  const [group = '', resource = '', name = ANY_NAME] = [apiGroups?.[0], resources?.[0], resourceNames?.[0]];
  return set.allows(questionOf({ verb, group, resource, name }));
}

/** Why a user may not grant rules, in kube-apiserver's words; `missing` is what `missingRules` found. */
export function refusalToGrant(user: User, missing: readonly PolicyRule[]): string {
  const lines = [...new Set(compact(missing).map(ruleText))].sort();
  const who = `user ${quoted(user.name)} (groups=${quotedList(user.groups)})`;
  return `${who} is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`;
}

/** Single things that differ only by their verbs, as one rule. */
function compact(singles: readonly PolicyRule[]): PolicyRule[] {
  const others: PolicyRule[] = [];
  const byThing = new Map<string, PolicyRule & { verbs: string[] }>();
  for (const single of singles) {
    const { verbs, ...thing } = single;
    if (single.nonResourceURLs) {
      others.push(single);
      continue;
    }
    const key = JSON.stringify(thing);
    const found = byThing.get(key);
    if (found) found.verbs.push(...(verbs ?? []));
    else byThing.set(key, { ...thing, verbs: [...(verbs ?? [])] });
  }
  return [...others, ...byThing.values()];
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}` */
function ruleText({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string {
  const parts = [
    ['APIGroups', apiGroups],
    ['Resources', resources],
    ['NonResourceURLs', nonResourceURLs],
    ['ResourceNames', resourceNames],
    ['Verbs', verbs],
  ] as const;
  const shown = parts.flatMap(([name, words]) => (words?.length ? [`${name}:${quotedList(words)}`] : []));
  return `{${shown.join(', ')}}`;
}

function quotedList(words: readonly string[]): string {
  return `[${words.map(quoted).join(' ')}]`;
}
