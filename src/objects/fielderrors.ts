/** Field errors in words, exactly as Kubernetes prints them (apimachinery `field.Error`). */
import type { FieldError, FieldErrorType } from './errors.ts';
import { shownValue } from './quoting.ts';

const OPENINGS: Readonly<Record<FieldErrorType, string>> = {
  Required: 'Required value',
  Invalid: 'Invalid value',
  NotSupported: 'Unsupported value',
  Forbidden: 'Forbidden',
  Duplicate: 'Duplicate value',
  NotFound: 'Not found',
  TooLong: 'Too long',
  TypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
};

const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set(['Required', 'Forbidden', 'TooLong', 'InternalError']);

/** An error without its field: what stands in a Status' causes. */
export function fieldErrorDetail({ type, value, detail }: FieldError): string {
  const opening = OPENINGS[type];
  const shown = WITHOUT_VALUE.has(type) ? opening : `${opening}: ${shownValue(value)}`;
  return detail ? `${shown}: ${detail}` : shown;
}

/** An error with its field in front. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${fieldErrorDetail(error)}`;
}

/** Several errors as one text, each named once: brackets around more than one. */
export function fieldErrorsText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(fieldErrorText))];
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}
