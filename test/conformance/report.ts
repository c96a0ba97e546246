/** What the OCI conformance program (distribution-spec/conformance) found, read from the reports that it writes. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** How a run went. */
export interface Report {
  /** `results.yaml`: each API and each kind of data with `Pass`, `Skip`, `Disabled`, `FAIL` or `Error`. */
  readonly apis: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
  /** `junit.xml`: each case with the worst status that it had, since a case may run many times. */
  readonly cases: ReadonlyMap<string, string>;
  /** How often anything was checked. */
  readonly checks: number;
}

/** From good to bad. */
const STATUSES = ['passed', 'disabled', 'skipped', 'failure', 'error'];
const CASE = /<testcase name="OCI Conformance Test\/([^"]*)" classname="[^"]*" time="[^"]*" status="([^"]*)"/g;

/**
 * Reads the reports in a folder.
 * @throws {Error} if they are not there: the program ends with 0 also when it could not begin.
 */
export function readReport(folder: string): Report {
  const results = join(folder, 'results.yaml');
  if (!existsSync(results)) throw new Error(`the conformance program wrote no ${results}`);
  const { apis, data } = parse(readFileSync(results, 'utf8')) as Pick<Report, 'apis' | 'data'>;
  const junit = readFileSync(join(folder, 'junit.xml'), 'utf8');
  const cases = new Map<string, string>();
  for (const [, name = '', status = ''] of junit.matchAll(CASE)) {
    const before = cases.get(name) ?? status;
    cases.set(name, STATUSES.indexOf(before) > STATUSES.indexOf(status) ? before : status);
  }
  const [, checks = '0'] = /<testsuites [^>]*tests="(\d+)"/.exec(junit) ?? [];
  return { apis, data, cases, checks: Number(checks) };
}

/** The cases by what they are part of, each a line: `nested-index/pull: blob-get manifest-by-digest`. */
export function caseLines(cases: Iterable<string>): string[] {
  const groups = new Map<string, string[]>();
  for (const name of cases) {
    const slash = name.lastIndexOf('/');
    const group = name.slice(0, Math.max(slash, 0));
    groups.set(group, [...(groups.get(group) ?? []), name.slice(slash + 1)]);
  }
  return [...groups].map(([group, names]) => `${group}: ${names.sort().join(' ')}`).sort();
}
