import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DomainError } from '../objects/errors.ts';
import type { Resource } from '../objects/resource.ts';
import { parseFieldSelector } from './fieldselector.ts';
import { parseLabelSelector } from './labelselector.ts';
import { widgets } from './testserver.ts';

const labels = { app: 'x', tier: 'front', n: '5', empty: '' };

test('label selectors match', () => {
  for (const [selector, expected] of [
    ['', true],
    ['app=x', true],
    ['app==x', true],
    ['app!=x', false],
    ['none!=x', true],
    ['app=', false],
    ['empty=', true],
    ['none=', false],
    ['app in (x,y)', true],
    ['app in (y)', false],
    ['none in ()', false],
    ['empty in ()', true],
    ['empty in (,a)', true],
    ['app notin (x)', false],
    ['none notin (x)', true],
    ['tier', true],
    ['!tier', false],
    ['! none', true],
    ['n>4,n<6', true],
    ['n>5', false],
    ['app>1', false],
    [' app in ( x , y ) , tier ', true],
    ['app=x,tier=back', false],
    ['in', false],
    ['in in (in)', false],
    ['example.com/key notin (a)', true],
  ] as const) {
    assert.equal(parseLabelSelector(selector)?.matches(labels) ?? true, expected, selector);
  }
  assert.equal(parseLabelSelector('constructor')?.matches({}), false);
});

test('label selectors that cannot be read', () => {
  for (const [selector, message] of [
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    ['app=x,', "found '', expected: identifier after ','"],
    [',app', "found ',', expected: !, identifier, or 'end of string'"],
  ]) {
    assert.throws(() => parseLabelSelector(selector), { message });
  }
  const prefix = 'unable to parse requirement: ';
  for (const [selector, message] of [
    ['app in x', "found 'x' expected: '('"],
    ['a b', "found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['!', "found '', expected: identifier"],
    ['app in (x', "found '', expected: ',' or ')'"],
    ['app in (x y)', "found 'y', expected: ',' or ')'"],
    ['app=(', "found '(', expected: identifier"],
    ['n>x', "values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"],
  ]) {
    assert.throws(() => parseLabelSelector(selector), { message: prefix + message });
  }
  assert.throws(
    () => parseLabelSelector(`app=${'x'.repeat(64)}`),
    /values\[0\]\[app\]: Invalid value: "x+": must be no more/,
  );
  assert.throws(() => parseLabelSelector('-a'), /<nil>: Invalid value: "-a": name part must consist of/);
});

test('label selectors never fail otherwise', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab1=!(),<> innot/-'.split('')), maxLength: 20 }), (text) => {
      try {
        parseLabelSelector(text)?.matches(labels);
      } catch (error) {
        assert.ok(error instanceof DomainError, String(error));
      }
    }),
  );
});

test('field selectors', () => {
  const resource = widgets as unknown as Resource;
  const selector = parseFieldSelector('metadata.name==a,metadata.namespace!=n,spec.color=re\\,d', resource);
  assert.equal(selector?.name, 'a');
  assert.equal(selector?.namespace, undefined);
  assert.deepEqual([selector?.matchesName('m', 'a'), selector?.matchesName('n', 'a')], [true, false]);
  const object = (color: string) => ({ metadata: {}, spec: { color } });
  assert.deepEqual([selector?.matchesObject?.(object('re,d')), selector?.matchesObject?.(object(''))], [true, false]);
  assert.equal(parseFieldSelector(',', resource), undefined);
  assert.equal(parseFieldSelector('metadata.name=', resource)?.name, '');

  const core = { ...resource, group: '' };
  for (const [text, of, message] of [
    ['metadata.name', resource, "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
    ['metadata.name in (a,b)', resource, "invalid selector: 'metadata.name in (a,b)'; can't understand 'b)'"],
    ['toString=a', resource, '"toString" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ['spec.x=a', core, 'field label not supported: spec.x'],
    ['metadata.name=a=b', resource, 'invalid field selector: unescaped character in value: 61'],
    ['metadata.name=\\a', resource, 'invalid field selector: invalid escape sequence: \\a'],
  ] as const) {
    assert.throws(() => parseFieldSelector(text, of), { message });
  }
});
