import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMIT_BYTES, COMMIT_CHANGES, ETCD_REQUEST_BYTES } from '../../limits.ts';
import type { Change } from '../store.ts';
import { CommitTooLarge } from '../store.ts';
import { Layout } from './layout.ts';
import { transactionOf } from './transaction.ts';

const layout = new Layout(`/${'p'.repeat(127)}`);

test('the largest commit that the seam allows fits a request of etcd, with long names and comparisons', () => {
  const value = Buffer.alloc(Math.floor((COMMIT_BYTES - COMMIT_CHANGES * 500) / COMMIT_CHANGES));
  const changes = Array.from({ length: COMMIT_CHANGES }, (_, index): Change => {
    return { op: 'put', key: `/${index}`.padEnd(500, 'k'), value, expect: 2 ** 40 };
  });
  const { request, expectations } = transactionOf(layout, changes);
  assert.ok(request.length <= ETCD_REQUEST_BYTES);
  assert.equal(expectations.length, COMMIT_CHANGES);
});

test('where there is no room for it, a transaction does not say which comparison failed; beyond, it is refused', () => {
  const put = (bytes: number, name = 500): Change[] =>
    Array.from({ length: COMMIT_CHANGES }, (_, index) => {
      const key = `/${index}`.padEnd(name, 'k');
      return { op: 'put', key, value: Buffer.alloc(bytes / COMMIT_CHANGES), expect: 1 };
    });
  assert.equal(transactionOf(layout, put(COMMIT_BYTES / 2)).explains, true);
  assert.equal(transactionOf(layout, put(COMMIT_BYTES - 100_000)).explains, false);
  assert.throws(() => transactionOf(layout, put(COMMIT_BYTES - 100_000, 1000)), CommitTooLarge);
});
