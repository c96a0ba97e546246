import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addQuantities,
  BadQuantity,
  compareQuantities,
  isWhole,
  parseQuantity,
  quantityOf,
  quantityText,
  roundedToMilli,
} from './quantity.ts';

const printed = (text: string): string => quantityText(parseQuantity(text));

test('quantities are printed with the largest unit that needs no fraction', () => {
  const cases: Record<string, string> = {
    '0': '0',
    '-0': '0',
    '0Ki': '0',
    '+1': '1',
    '007': '7',
    '1000': '1k',
    '1000m': '1',
    '1500m': '1500m',
    '0.5': '500m',
    '.5': '500m',
    '1.': '1',
    '1.G': '1G',
    '1024Mi': '1Gi',
    '1025Ki': '1025Ki',
    '0.5Gi': '512Mi',
    '0.5Ki': '512',
    '1.5Ki': '1536',
    '1536Ki': '1536Ki',
    '-2048Ki': '-2Mi',
    '1e3': '1e3',
    '1E3': '1e3',
    '12e2': '1200',
    '1.3E+6': '1300e3',
    '1E': '1E',
    '12E': '12E',
    '1n': '1n',
    '100u': '100u',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(printed(text), expected, text);
});

test('what is finer than a billionth is rounded up, binary amounts end at 2^63-1, decimal ones do not', () => {
  const cases: Record<string, string> = {
    '0.1n': '1n',
    '3.001n': '4n',
    '-3.001n': '-4n',
    '1e-12': '1e-9',
    '0.000000000001Ki': '2n',
    '100.035Ki': '102435840m',
    '8Ei': '9223372036854775807',
    '-9Ei': '-9223372036854775807',
    '9223372036854775808': '9223372036854775808',
    '18446744073709551616': '18446744073709551616',
    '1000E': '1e21',
    '1e100': '10e99',
  };
  for (const [text, expected] of Object.entries(cases)) assert.equal(printed(text), expected, text);
});

test('a text without digits is 0, as Kubernetes reads it', () => {
  for (const text of ['.', '-', '+', 'Ki', 'm', 'e3']) assert.equal(printed(text), '0', text);
});

test('what is no quantity is refused in the words of Kubernetes', () => {
  const shape = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  const suffix = "unable to parse quantity's suffix";
  const cases: Record<string, string> = {
    '': shape,
    x: shape,
    '1 Gi': shape,
    '1.2.3': shape,
    '--1': suffix,
    '1KiB': shape,
    '1e1e1': shape,
    '1e': suffix,
    '1K': suffix,
    '1mm': suffix,
    '1Ki5': suffix,
    '1+3': suffix,
    '1e1000000': suffix,
    '1e-1000000': suffix,
    [`1${'0'.repeat(300)}`]: 'quantities must have at most 256 characters',
  };
  for (const [text, message] of Object.entries(cases)) {
    assert.throws(() => parseQuantity(text), { name: new BadQuantity('').name, message }, text);
  }
});

test('amounts are compared and added whatever their units', () => {
  const compare = (a: string, b: string): number => compareQuantities(parseQuantity(a), parseQuantity(b));
  assert.equal(compare('1Ki', '1024'), 0);
  assert.ok(compare('1k', '1Ki') < 0);
  assert.ok(compare('1', '999m') > 0);
  assert.ok(compare('-1', '0') < 0);
  const sum = (a: string, b: string): string => quantityText(addQuantities(parseQuantity(a), parseQuantity(b)));
  assert.equal(sum('1Gi', '1024Mi'), '2Gi');
  assert.equal(sum('0', '1Ki'), '1Ki');
  assert.equal(sum('1k', '1Ki'), '2024');
  assert.equal(quantityText(quantityOf(3000)), '3k');
});

test('resources are kept to thousandths, away from zero', () => {
  const rounded = (text: string): string => quantityText(roundedToMilli(parseQuantity(text)));
  assert.equal(rounded('1n'), '1m');
  assert.equal(rounded('-1n'), '-1m');
  assert.equal(rounded('1.0001'), '1001m');
  assert.equal(rounded('1Gi'), '1Gi');
  assert.ok(isWhole(parseQuantity('1.000')));
  assert.ok(!isWhole(parseQuantity('1.001')));
});

test('what is printed is read back as the same amount, and printed the same again', () => {
  const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'E', 'Ki', 'Mi', 'Gi', 'e2', 'E-3', 'n', 'u', 'e30');
  fc.assert(
    fc.property(fc.integer(), fc.nat(999), suffix, (whole, fraction, unit) => {
      const first = parseQuantity(`${whole}.${fraction}${unit}`);
      const text = quantityText(first);
      const again = parseQuantity(text);
      assert.equal(quantityText(again), text);
      assert.equal(compareQuantities(first, again), 0);
    }),
  );
});
