/**
 * The OCI conformance program against a fresh server. Everything that passes is listed beside this file: a pass that
 * turns into a skip would otherwise be silent, since the program then still says that all is well.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { part } from '../parts.ts';
import { run, temporaryFolder } from '../program.ts';
import { startServer } from '../server.ts';
import { caseLines, type Report, readReport } from './report.ts';

/** Checks that a run comes to at least; the numbers differ by a few, since the data is random. */
const CHECKS = { '1.1': 856, dev: 976 } as const;

/** What only the next version of the specification has, and what no version turns on by itself. */
const DISABLED = {
  '1.1': ['Blob upload cancel', 'Manifest put with tag params', 'Tag Param', 'Tag Param sha512', 'Sparse Manifests'],
  dev: ['Sparse Manifests'],
} as const;

type Version = keyof typeof CHECKS;

async function conform(version: Version): Promise<Report> {
  await using server = await startServer();
  const folder = temporaryFolder();
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    OCI_VERSION: version,
    OCI_REGISTRY: server.registry,
    OCI_TLS: 'disabled',
    OCI_USERNAME: 'admin',
    OCI_PASSWORD: server.token,
    OCI_RESULTS_DIR: folder,
  };
  const { code, stdout, stderr } = await run(part('oci-conformance'), [], { env });
  assert.equal(code, 0, `${stdout}${stderr}`);
  return readReport(folder);
}

/** The names that are listed for a version, in the form of `caseLines`. */
function expectedCases(version: Version): string[] {
  const text = readFileSync(new URL(`passes-${version}.txt`, import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

for (const version of ['1.1', 'dev'] as const) {
  test(`OCI distribution ${version}: every case passes, none is skipped`, async (t) => {
    const { apis, data, cases, checks } = await conform(version);
    const disabled: readonly string[] = DISABLED[version];
    for (const [name, status] of Object.entries({ ...apis, ...data })) {
      assert.equal(status, disabled.includes(name) ? 'Disabled' : 'Pass', name);
    }
    const passed = [...cases].filter(([, status]) => status === 'passed').map(([name]) => name);
    assert.deepEqual(caseLines(passed), expectedCases(version));
    assert.ok(checks >= CHECKS[version], `only ${checks} checks were made`);
    t.diagnostic(`${checks} checks`);
  });
}
