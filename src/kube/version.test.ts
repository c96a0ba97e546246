import assert from 'node:assert/strict';
import { test } from 'node:test';
import { versionInfo } from './version.ts';

test('a version that the parsers of clients take', () => {
  const info = versionInfo({ version: '0.1.0', commit: 'abc' });
  assert.equal(info.gitVersion, 'v1.35.0+headgate-0.1.0');
  assert.match(info.major, /^\d+$/);
  assert.match(info.minor, /^\d+$/);
  assert.equal(info.gitCommit, 'abc');
  assert.match(info.platform, /^\w+\/\w+$/);
  assert.match(versionInfo({ version: '0.2.0+dirty tree' }).gitVersion, /^v\d+\.\d+\.\d+\+[0-9A-Za-z.-]+$/);
});
