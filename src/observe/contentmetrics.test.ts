import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { BlobsFull, BlobsUnavailable } from '../blobs/blobs.ts';
import { measuredBlobs } from '../blobs/measured.ts';
import { openMemoryBlobs } from '../blobs/memory/memory.ts';
import { digestOf } from '../image/digest.ts';
import { makeMetrics, type Snapshot } from './metrics.ts';

test('the storage is told by the names of OpenShift, in both places; what clients do wrong is no error of it', async () => {
  const metrics = makeMetrics('1');
  const blobs = measuredBlobs(openMemoryBlobs(), metrics.content);
  const id = await blobs.begin();
  await blobs.append(id, 0, Readable.from([Buffer.from('abc')]));
  await assert.rejects(blobs.append(id, 7, Readable.from([])), { name: 'UploadOffset' });
  await assert.rejects(blobs.commit(id, digestOf('other')), { name: 'DigestMismatch' });
  const failing = Object.assign(openMemoryBlobs(), {
    stat: () => Promise.reject(new BlobsUnavailable('away')),
    put: () => Promise.reject(new BlobsFull('full')),
  });
  await assert.rejects(measuredBlobs(failing, metrics.content).stat(digestOf('')));
  await assert.rejects(measuredBlobs(failing, metrics.content).put(digestOf(''), Buffer.alloc(0)));
  for (const text of [await metrics.text(), (await metrics.ofRegistry()).text]) {
    for (const line of [
      'imageregistry_storage_duration_seconds_count{operation="StorageDriver.Writer"} 3',
      'imageregistry_storage_duration_seconds_count{operation="StorageDriver.Move"} 1',
      'imageregistry_storage_errors_total{operation="StorageDriver.Writer",code="INVALID_OFFSET"} 1',
      'imageregistry_storage_errors_total{operation="StorageDriver.Stat",code="UNKNOWN"} 1',
      'imageregistry_storage_errors_total{operation="StorageDriver.PutContent",code="DEVICE_OUT_OF_SPACE"} 1',
      '# TYPE imageregistry_storage_duration_seconds histogram',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line} in ${text}`);
    }
    assert.doesNotMatch(text, /errors_total\{operation="StorageDriver.Move"/);
  }
});

test('runs of the collection, uploads and leases are told; a store that is away takes nothing away', async () => {
  const metrics = makeMetrics('1');
  let uploads = 3;
  metrics.content.counted({
    uploads: () => (uploads < 0 ? Promise.reject(new Error('away')) : Promise.resolve(uploads)),
    leases: () => Promise.resolve(2),
  });
  metrics.content.collected({ deleted: 4, freed: 1000, waiting: 1, live: 9 }, 0.5);
  metrics.content.collected({ deleted: 1, freed: 10, waiting: 0, live: 8 }, 0.25);
  metrics.content.notCollected();
  await metrics.text();
  uploads = -1;
  const text = await metrics.text();
  for (const line of [
    'headgate_gc_runs_total{outcome="done"} 2',
    'headgate_gc_runs_total{outcome="failed"} 1',
    'headgate_gc_deleted_total 5',
    'headgate_gc_freed_bytes_total 1010',
    'headgate_gc_waiting 0',
    'headgate_gc_live 8',
    'headgate_gc_last_duration_seconds 0.25',
    'headgate_uploads_open 3',
    'headgate_leases 2',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} in ${text}`);
  }
});

test('of processes that share a store counters are added, and what all of them see is told once', async () => {
  let told: (() => Promise<Snapshot>) | undefined;
  const other = makeMetrics('1', {
    answer(own) {
      told = own;
    },
    ask: async () => [],
  });
  const metrics = makeMetrics('1', { answer: () => undefined, ask: async () => (told ? [await told()] : []) });
  for (const each of [other, metrics]) {
    each.content.counted({ uploads: () => Promise.resolve(5), leases: () => Promise.resolve(6) });
    each.content.collected({ deleted: 2, freed: 1, waiting: 0, live: 1 }, 1);
  }
  const text = await metrics.text();
  assert.match(text, /^headgate_gc_deleted_total 4$/m);
  assert.match(text, /^headgate_uploads_open 5$/m);
});
