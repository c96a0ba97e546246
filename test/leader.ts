/** A process that leads and writes, for test/e2e/leadership.test.ts: `node test/leader.ts STORE NAME`, STORE as for --store. */
import { setTimeout as sleep } from 'node:timers/promises';
import { storeConfig } from '../src/config.ts';
import { openEtcdStore } from '../src/store/etcd/etcd.ts';
import { Deposed, fenced, Leadership } from '../src/store/leadership.ts';

/** Soon enough for a test. */
const PACE = { askMs: 200, answerMs: 500, clock: () => performance.now() };

const [, , url = '', name = ''] = process.argv;
const place = storeConfig(url, '.', 'STORE');
if (place.kind !== 'etcd') throw new Error('a process that sleeps may hold the lock of an SQLite file: name an etcd');
const store = await openEtcdStore({ location: place.location });
const lead = new Leadership(store, 'test', PACE);
process.once('disconnect', () => process.exit());
for (;;) {
  if (await lead.take()) {
    process.send?.('leads');
    const led = fenced(store, lead);
    try {
      for (;;) await led.commit([{ op: 'put', key: '/written', value: Buffer.from(name) }]);
    } catch (error) {
      if (!(error instanceof Deposed)) throw error;
      process.send?.('deposed');
    }
  }
  await sleep(50);
}
