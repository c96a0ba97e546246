/** Names of objects and keys of labels: the rules of Kubernetes, each answering why something is refused. */

/** Why a name is refused; undefined if it is fine. */
export type NameRule = (name: string) => string | undefined;

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const VALUE = `(${KEY})?`;

const LABEL_PATTERN = new RegExp(`^${LABEL}$`);
const SUBDOMAIN_PATTERN = new RegExp(`^${SUBDOMAIN}$`);
const KEY_PATTERN = new RegExp(`^${KEY}$`);
const VALUE_PATTERN = new RegExp(`^${VALUE}$`);

/** Characters of a DNS label, of a label's value and of the name part of its key. */
const LABEL_CHARACTERS = 63;
/** Characters of a DNS subdomain. */
const SUBDOMAIN_CHARACTERS = 253;

/** The refusal of a value that does not match, with examples, as Kubernetes words it. */
function mismatch(rule: string, pattern: string, ...examples: string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${rule} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

/** Anything that can stand in a path: the names of images. */
export function pathSegmentName(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`;
  return pathSegmentPrefix(name);
}

function pathSegmentPrefix(name: string): string | undefined {
  for (const character of ['/', '%']) if (name.includes(character)) return `may not contain '${character}'`;
  return undefined;
}

/** A DNS label: the names of namespaces. */
export function dnsLabel(name: string): string | undefined {
  if (Buffer.byteLength(name) > LABEL_CHARACTERS) return `must be no more than ${LABEL_CHARACTERS} characters`;
  if (LABEL_PATTERN.test(name)) return undefined;
  if (SUBDOMAIN_PATTERN.test(name)) return 'must not contain dots';
  return mismatch(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    LABEL,
    'my-name',
    '123-abc',
  );
}

/** A DNS subdomain: the names of most things. */
export function dnsSubdomain(name: string): string | undefined {
  if (Buffer.byteLength(name) > SUBDOMAIN_CHARACTERS) return `must be no more than ${SUBDOMAIN_CHARACTERS} characters`;
  if (SUBDOMAIN_PATTERN.test(name)) return undefined;
  return mismatch(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    SUBDOMAIN,
    'example.com',
  );
}

/** A trailing dash is fine where more will follow. */
function maskedDash(rule: NameRule): NameRule {
  return (name) => rule(name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name);
}

const PREFIX_RULES: ReadonlyMap<NameRule, NameRule> = new Map<NameRule, NameRule>([
  [pathSegmentName, pathSegmentPrefix],
  [dnsLabel, maskedDash(dnsLabel)],
  [dnsSubdomain, maskedDash(dnsSubdomain)],
]);

/** Why a generateName is refused under the rule of the names; a rule that is none of this file is asked as it is. */
export function generatesName(rule: NameRule, generateName: string): string | undefined {
  return (PREFIX_RULES.get(rule) ?? rule)(generateName);
}

const KEY_RULE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** It has always counted bytes. */
function unit(older: boolean): string {
  return older ? 'characters' : 'bytes';
}

/**
 * Why a key of a label (or an annotation, in lower case, or a finalizer) is refused: nothing if it is fine. `older`: in
 * the words of OpenShift's older library.
 */
export function labelKey(key: string, older = false): string[] {
  const parts = key.split('/');
  if (parts.length > 2) {
    const rule = mismatch(
      `a ${older ? 'qualified name' : 'valid label key'} ${KEY_RULE}`,
      KEY,
      'MyName',
      'my.name',
      '123-abc',
    );
    return [`${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const errors: string[] = [];
  const name = parts.at(-1) ?? '';
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    const detail = prefix === '' ? 'must be non-empty' : dnsSubdomain(prefix);
    if (detail !== undefined) errors.push(`prefix part ${detail}`);
  }
  if (name === '') errors.push('name part must be non-empty');
  else if (Buffer.byteLength(name) > LABEL_CHARACTERS) {
    errors.push(`name part must be no more than ${LABEL_CHARACTERS} ${unit(older)}`);
  }
  if (!KEY_PATTERN.test(name)) {
    errors.push(mismatch(`name part ${KEY_RULE}`, KEY, 'MyName', 'my.name', '123-abc'));
  }
  return errors;
}

/** Why the value of a label is refused. */
export function labelValue(value: string, older = false): string[] {
  const errors: string[] = [];
  if (Buffer.byteLength(value) > LABEL_CHARACTERS) {
    errors.push(`must be no more than ${LABEL_CHARACTERS} ${unit(older)}`);
  }
  if (!VALUE_PATTERN.test(value)) {
    errors.push(
      mismatch(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        VALUE,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  }
  return errors;
}
