import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkTimeout,
  createOptions,
  deletionOf,
  listOptions,
  managerOfAgent,
  patchOptions,
  refuseExport,
  revisionOf,
  updateOptions,
} from './options.ts';
import { statusOf } from './status.ts';

const query = (text: string): URLSearchParams => new URLSearchParams(text);

/** The message of a refusal. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return statusOf(error).status.message ?? '';
  }
  return 'not refused';
}

test('list options', () => {
  const options = listOptions(query('limit=-5&timeoutSeconds=7&allowWatchBookmarks=&colour=red'), true);
  assert.deepEqual([options.limit, options.timeoutSeconds, options.allowWatchBookmarks], [0, 7, true]);
  assert.equal(
    listOptions(query('sendInitialEvents=0&resourceVersionMatch=NotOlderThan'), true).sendInitialEvents,
    false,
  );
  const invalid = 'ListOptions.meta.k8s.io "" is invalid: ';
  for (const [text, watch, words] of [
    [
      'resourceVersionMatch=Exact',
      false,
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    [
      'resourceVersionMatch=Exact&resourceVersion=0',
      false,
      'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      'resourceVersionMatch=Odd&resourceVersion=1',
      false,
      'resourceVersionMatch: Unsupported value: "Odd": supported values: "Exact", "NotOlderThan", ""',
    ],
    ['sendInitialEvents=true', false, 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'],
    [
      'sendInitialEvents=true',
      true,
      'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    ],
    [
      'sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1',
      true,
      '[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
    ],
    [
      'resourceVersionMatch=NotOlderThan',
      true,
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    ],
  ] as const) {
    assert.equal(
      refusal(() => listOptions(query(text), watch)),
      invalid + words,
    );
  }
  assert.match(
    refusal(() => listOptions(query('limit=9223372036854775808'), false)),
    /^strconv\.ParseInt: parsing "9223372036854775808": value out of range$/,
  );
  assert.equal(listOptions(query('limit=9223372036854775807'), false).limit, Number.MAX_SAFE_INTEGER);
  assert.match(
    refusal(() => listOptions(query('limit='), false)),
    /^strconv\.ParseInt: parsing "": invalid syntax$/,
  );
});

test('versions', () => {
  assert.deepEqual([revisionOf(''), revisionOf('0'), revisionOf('12')], [undefined, 0, 12]);
  assert.equal(revisionOf('99999999999999999999'), Number.MAX_SAFE_INTEGER);
  assert.match(
    refusal(() => revisionOf('abc')),
    /^resourceVersion: Invalid value: "abc": strconv.ParseUint/,
  );
});

test('options of writes', () => {
  const options = createOptions(query('dryRun=All&fieldManager=me&fieldValidation=Strict'));
  assert.deepEqual(options, { dryRun: true, fieldManager: 'me', fieldValidation: 'Strict', force: false });
  assert.equal(updateOptions(query('')).dryRun, false);
  assert.equal(patchOptions(query('fieldManager=a&force=true'), true).force, true);
  const invalid = (kind: string): string => `${kind}.meta.k8s.io "" is invalid: `;
  for (const [work, words] of [
    [
      () => createOptions(query('fieldValidation=Other')),
      `${invalid('CreateOptions')}fieldValidation: Unsupported value: "Other": supported values: "", "Ignore", "Strict", "Warn"`,
    ],
    [
      () => createOptions(query('dryRun=')),
      `${invalid('CreateOptions')}dryRun: Unsupported value: [""]: supported values: "All"`,
    ],
    [
      () => updateOptions(query('dryRun=Maybe')),
      `${invalid('UpdateOptions')}dryRun: Unsupported value: ["Maybe"]: supported values: "All"`,
    ],
    [
      () => patchOptions(query('force=false'), false),
      `${invalid('PatchOptions')}force: Forbidden: may not be specified for non-apply patch`,
    ],
    [
      () => patchOptions(query(''), true),
      `${invalid('PatchOptions')}fieldManager: Required value: is required for apply patch`,
    ],
    [
      () => patchOptions(query(`fieldManager=${'m'.repeat(129)}`), false),
      `${invalid('PatchOptions')}fieldManager: Too long: may not be more than 128 bytes`,
    ],
    [
      () => patchOptions(query('fieldManager=a%0Ab'), false),
      `${invalid('PatchOptions')}fieldManager: Invalid value: "a\\nb": invalid character U+000A (at position 1)`,
    ],
  ] as const) {
    assert.equal(refusal(work), words);
  }
  assert.deepEqual(
    [managerOfAgent('kubectl/v1.35 (linux)'), managerOfAgent('a\tb'), managerOfAgent(undefined)],
    ['kubectl', 'ab', ''],
  );
});

test('options of deletions', () => {
  assert.deepEqual(deletionOf(undefined, query('propagationPolicy=Background&gracePeriodSeconds=30&dryRun=All')), {
    dryRun: true,
    accepted: false,
    options: { propagationPolicy: 'Background', gracePeriodSeconds: 30 },
  });
  const conditions = deletionOf(undefined, query('uid=u&resourceVersion=7')).options;
  assert.deepEqual(conditions, { preconditions: { uid: 'u', resourceVersion: '7' } });
  assert.deepEqual(deletionOf({}, query('uid=u')).options, {}, 'a body says all');
  const body = {
    kind: 'DeleteOptions',
    apiVersion: 'any.test/v7',
    preconditions: { uid: 'u' },
    orphanDependents: true,
    odd: 1,
  };
  assert.deepEqual(deletionOf(body, query('propagationPolicy=Odd')).options, {
    preconditions: { uid: 'u' },
    propagationPolicy: 'Orphan',
  });
  assert.equal(deletionOf({ orphanDependents: false }, query('')).accepted, true);
  const invalid = 'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: ';
  for (const [given, words] of [
    [
      { propagationPolicy: 'Odd' },
      `${invalid}Unsupported value: "Odd": supported values: "Foreground", "Background", "Orphan", "nil"`,
    ],
    [
      { propagationPolicy: 'Orphan', orphanDependents: false },
      `${invalid}Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set`,
    ],
    [[1], 'DeleteOptions: the body must be an object'],
    [{ gracePeriodSeconds: 'x' }, 'DeleteOptions: gracePeriodSeconds must be a number'],
    [{ kind: 'Widget' }, 'the body of a DELETE is a DeleteOptions, not a "Widget": leave it out or send one'],
  ] as const) {
    assert.equal(
      refusal(() => deletionOf(given, query(''))),
      words,
    );
  }
});

test('the timeout of a request is a duration, and a long text that is none is seen to be none at once', () => {
  const told = (timeout: string): string => refusal(() => checkTimeout(new URLSearchParams({ timeout })));
  for (const timeout of ['', '0', '-0', '30s', '1m30s', '+1.5h', '.5s', '2.s', '1h2m3s4ms5us6ns', '7µs']) {
    assert.equal(told(timeout), 'not refused', timeout);
  }
  const long = ['0'.repeat(15_000), `${'1'.repeat(15_000)}x`, `${'0s'.repeat(7_000)}x`];
  for (const timeout of ['1', 's', '.s', '1.5', '30 s', '1d', '1s2', ...long]) {
    assert.match(told(timeout), /^invalid timeout specified in the request URL - time: invalid duration "/);
  }
});

test('an export is refused unless it is none', () => {
  for (const value of ['', 'true', '1', 'perhaps']) {
    assert.throws(() => refuseExport(value), {
      message: /^the export parameter, deprecated since v1\.14, is no longer/,
    });
  }
  for (const value of [null, '0', 'False']) refuseExport(value);
});
