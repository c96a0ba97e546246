import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldErrorText } from './fielderrors.ts';
import { type LabelSelector, selectsLabels, validateLabelSelector } from './labelselector.ts';

test('all conditions of a selector must hold; none select everything', () => {
  const labels = { app: 'web', tier: 'front' };
  const cases: readonly (readonly [LabelSelector, boolean])[] = [
    [{}, true],
    [{ matchLabels: { app: 'web' } }, true],
    [{ matchLabels: { app: 'web', tier: 'back' } }, false],
    [{ matchLabels: { toString: 'x' } }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'web'] }] }, true],
    [{ matchExpressions: [{ key: 'env', operator: 'In', values: ['web'] }] }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
    [{ matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['web'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, false],
    [{ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'Gt', values: ['1'] }] }, false],
  ];
  for (const [selector, selected] of cases) {
    assert.equal(selectsLabels(selector, labels), selected, JSON.stringify(selector));
  }
  assert.equal(selectsLabels({ matchLabels: { a: 'b' } }, undefined), false);
});

test('what is wrong with a selector is said with its field', () => {
  const errors = validateLabelSelector(
    {
      matchLabels: { 'a b': 'c' },
      matchExpressions: [
        { key: 'k', operator: 'In' },
        { key: 'k', operator: 'Exists', values: ['v'] },
        { key: '', operator: 'Odd' },
        { key: 'k', operator: 'NotIn', values: ['ok', 'not ok'] },
      ],
    },
    's',
  ).map((error) => fieldErrorText(error).split(' (e.g.')[0]);
  assert.deepEqual(errors, [
    `s.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    "s.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    's.matchExpressions[2].operator: Invalid value: "Odd": not a valid selector operator',
    's.matchExpressions[2].key: Invalid value: "": name part must be non-empty',
    `s.matchExpressions[2].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
    `s.matchExpressions[3].values[1]: Invalid value: "not ok": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
  ]);
});
