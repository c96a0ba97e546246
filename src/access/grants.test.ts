import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { missingRules, refusalToGrant, TooManyCombinations } from './grants.ts';
import type { PolicyRule } from './role.ts';

test('what is not held is found, thing by thing', () => {
  const held: PolicyRule[] = [
    { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', '*/status'] },
    { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['one'] },
    { verbs: ['get'], nonResourceURLs: ['/debug/*'] },
  ];
  const missing = (...rules: PolicyRule[]): PolicyRule[] => missingRules(held, rules);
  assert.deepEqual(missing({ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'things/status'] }), []);
  assert.deepEqual(missing({ verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['x'] }), []);
  assert.deepEqual(missing({ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['one'] }), []);
  assert.deepEqual(missing({ verbs: ['get'], nonResourceURLs: ['/debug/x', '/debug/*', '/debug/x/*'] }), []);
  assert.deepEqual(missing({ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }), [
    { verbs: ['get'], apiGroups: [''], resources: ['secrets'] },
  ]);
  assert.deepEqual(missing({ verbs: ['*'], apiGroups: [''], resources: ['pods'] }), [
    { verbs: ['*'], apiGroups: [''], resources: ['pods'] },
  ]);
  assert.deepEqual(missing({ verbs: ['get'], apiGroups: ['*'], resources: ['pods'] }).length, 1);
  assert.deepEqual(missing({ verbs: ['get'], apiGroups: [''], resources: ['*'] }).length, 1);
  assert.deepEqual(missing({ verbs: ['get', 'post'], nonResourceURLs: ['/debug/x', '/*'] }).length, 3);
});

test("a rule for no name at all gives nothing of the others'", () => {
  const held = [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: [''] }];
  assert.equal(missingRules(held, [{ verbs: ['get'], apiGroups: [''], resources: ['secrets'] }]).length, 1);
});

test('everything covers everything, and every set of rules covers itself', () => {
  const some = (...words: string[]) => fc.subarray(words, { minLength: 1 });
  const rules = fc.array(
    fc.oneof(
      fc.record({
        verbs: some('get', 'list', '*'),
        apiGroups: some('', 'g', '*'),
        resources: some('r', 'r/x', '*/x', '*'),
        resourceNames: fc.subarray(['n', 'm']),
      }),
      fc.record({ verbs: some('get', '*'), nonResourceURLs: some('/a', '/a/*', '*') }),
    ),
  );
  const all = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ];
  fc.assert(
    fc.property(rules, (given) => {
      assert.deepEqual(missingRules(all, given), []);
      assert.deepEqual(missingRules(given, given), []);
      assert.deepEqual(missingRules([...given, ...missingRules([], given)], given), []);
    }),
  );
});

test('a role with millions of combinations is not compared', () => {
  const words = Array.from({ length: 400 }, (_, at) => `w${at}`);
  assert.throws(() => missingRules([], [{ verbs: words, apiGroups: words, resources: words }]), TooManyCombinations);
});

test("a refusal has kube-apiserver's words", () => {
  const user = { name: 'u', groups: ['a', 'b'] };
  const missing = missingRules(
    [],
    [
      { verbs: ['get', 'list'], apiGroups: ['', 'x'], resources: ['pods'] },
      { verbs: ['get'], apiGroups: [''], resources: ['pods'], resourceNames: ['n'] },
      { verbs: ['get'], nonResourceURLs: ['/x'] },
    ],
  );
  assert.equal(
    refusalToGrant(user, missing),
    [
      'user "u" (groups=["a" "b"]) is attempting to grant RBAC permissions not currently held:',
      '{APIGroups:[""], Resources:["pods"], ResourceNames:["n"], Verbs:["get"]}',
      '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
      '{APIGroups:["x"], Resources:["pods"], Verbs:["get" "list"]}',
      '{NonResourceURLs:["/x"], Verbs:["get"]}',
    ].join('\n'),
  );
});
