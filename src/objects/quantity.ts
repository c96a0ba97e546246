/** Quantities, such as `500m`, `2Gi` or `1e3`: amounts as Kubernetes reads, compares and prints them. */
import { QUANTITY_CHARACTERS, QUANTITY_EXPONENT } from '../limits.ts';

/** How a quantity is printed. */
type Format = 'decimal' | 'binary' | 'exponent';

export interface Quantity {
  /** The amount in billionths; nothing finer is kept. */
  readonly nanos: bigint;
  readonly format: Format;
}

/** A text that is no quantity; the message is Kubernetes'. */
export class BadQuantity extends Error {
  override name = 'BadQuantity';
}

/** Sign, whole digits, fraction and suffix. There may be no digits at all (sic): that is 0. */
const SHAPE = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const EXPONENT = /^[eE]([+-]?[0-9]+)$/;

const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const DECIMAL_SUFFIXES = new Map(Object.entries(DECIMAL_EXPONENTS).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIXES: readonly string[] = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const NANO_EXPONENT = -9;
const NANO = 1_000_000_000n;
const MILLI = 1_000_000n;
/** Larger binary amounts count as this one, as in Kubernetes; decimal ones may be larger. */
const MOST_BINARY = (2n ** 63n - 1n) * NANO;

/** @throws {BadQuantity} */
export function parseQuantity(text: string): Quantity {
  // First of all: what follows takes longer than the text is long.
  if (text.length > QUANTITY_CHARACTERS) {
    throw new BadQuantity(`quantities must have at most ${QUANTITY_CHARACTERS} characters`);
  }
  const [, sign, whole, fraction = '', suffix] = SHAPE.exec(text) ?? [];
  if (text === '' || whole === undefined || suffix === undefined) {
    throw new BadQuantity(
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    );
  }
  const { format, power, factor } = unitOf(suffix);
  const amount = scaled(BigInt(`0${whole}${fraction}`) * factor, power - fraction.length);
  const size = format === 'binary' && amount > MOST_BINARY ? MOST_BINARY : amount;
  return { nanos: sign === '-' ? -size : size, format };
}

interface Unit {
  readonly format: Format;
  /** Of ten. */
  readonly power: number;
  readonly factor: bigint;
}

function unitOf(suffix: string): Unit {
  const power = Object.hasOwn(DECIMAL_EXPONENTS, suffix) ? DECIMAL_EXPONENTS[suffix] : undefined;
  if (power !== undefined) return { format: 'decimal', power, factor: 1n };
  const binary = BINARY_SUFFIXES.indexOf(suffix);
  if (binary > 0) return { format: 'binary', power: 0, factor: 1024n ** BigInt(binary) };
  const exponent = Number(EXPONENT.exec(suffix)?.[1]);
  // Not a number, or one that no amount of anything needs.
  if (!(Math.abs(exponent) <= QUANTITY_EXPONENT)) throw new BadQuantity("unable to parse quantity's suffix");
  return { format: 'exponent', power: exponent, factor: 1n };
}

/** Billionths; what is finer is rounded up, so that some of something never becomes nothing. */
function scaled(digits: bigint, power: number): bigint {
  const shift = power - NANO_EXPONENT;
  return shift >= 0 ? digits * 10n ** BigInt(shift) : ceiling(digits, 10n ** BigInt(-shift));
}

function ceiling(value: bigint, unit: bigint): bigint {
  return (value + unit - 1n) / unit;
}

/** The quantity of a whole number, printed as a decimal. */
export function quantityOf(count: number | bigint): Quantity {
  return { nanos: BigInt(count) * NANO, format: 'decimal' };
}

/** Negative if `a` is less than `b`, 0 if they are equal, positive otherwise. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  if (a.nanos === b.nanos) return 0;
  return a.nanos < b.nanos ? -1 : 1;
}

/** The sum, printed as the first is; as the second if the first is 0. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: a.nanos + b.nanos, format: a.nanos === 0n ? b.format : a.format };
}

/** To thousandths, away from zero: what Kubernetes keeps of the amounts of resources. */
export function roundedToMilli({ nanos, format }: Quantity): Quantity {
  const size = ceiling(nanos < 0n ? -nanos : nanos, MILLI) * MILLI;
  return { nanos: nanos < 0n ? -size : size, format };
}

/** Whether there is no fraction. */
export function isWhole({ nanos }: Quantity): boolean {
  return nanos % NANO === 0n;
}

/** The quantity as Kubernetes prints it: with the largest unit that needs no fraction. */
export function quantityText({ nanos, format }: Quantity): string {
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  // Amounts below 1Ki and those with a fraction have no binary unit.
  if (format === 'binary' && size >= 1024n * NANO && size % NANO === 0n) return sign + binaryText(size / NANO);
  let exponent = NANO_EXPONENT;
  let mantissa = size;
  while (mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    exponent += 3;
  }
  const suffix = format === 'exponent' ? undefined : DECIMAL_SUFFIXES.get(exponent);
  return `${sign}${mantissa}${suffix ?? (exponent === 0 ? '' : `e${exponent}`)}`;
}

function binaryText(size: bigint): string {
  let mantissa = size;
  let unit = 0;
  while (mantissa % 1024n === 0n) {
    mantissa /= 1024n;
    unit++;
  }
  return `${mantissa}${BINARY_SUFFIXES[unit]}`;
}
