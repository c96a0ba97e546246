import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measured } from '../store/figures.ts';
import { CommitConflict, StoreUnavailable } from '../store/store.ts';
import { makeMetrics } from './metrics.ts';

test('commits are told by how they end, and what is not used is not there', async () => {
  const metrics = makeMetrics('1');
  await measured(metrics.store, Promise.resolve(7));
  await assert.rejects(measured(metrics.store, Promise.reject(new CommitConflict('/a', 1))), CommitConflict);
  await assert.rejects(measured(metrics.store, Promise.reject(new StoreUnavailable('away'))), StoreUnavailable);
  const text = await metrics.text();
  for (const outcome of ['made', 'conflict', 'failed']) {
    assert.match(text, new RegExp(`^headgate_store_commit_duration_seconds_count\\{outcome="${outcome}"\\} 1$`, 'm'));
  }
  assert.doesNotMatch(text, /headgate_(?:etcd|s3)_/);
});

test('calls to etcd, what memory holds of it, and requests of S3', async () => {
  const metrics = makeMetrics('1');
  let keys = 0;
  metrics.store.level('mirror_keys', () => keys);
  metrics.store.called('Range');
  metrics.store.called('Txn');
  metrics.store.called('Txn');
  metrics.store.waited();
  metrics.blobs.asked('read', 'ok', 0.02);
  keys = 12;
  const text = await metrics.text();
  for (const line of [
    'headgate_etcd_calls_total{method="Range"} 1',
    'headgate_etcd_calls_total{method="Txn"} 2',
    'headgate_etcd_present_reads_total 1',
    'headgate_etcd_mirror_keys 12',
    'headgate_s3_request_duration_seconds_count{operation="read",outcome="ok"} 1',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
});
