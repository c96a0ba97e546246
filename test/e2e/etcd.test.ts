/** The etcd store passes the suite of all stores, on the etcds that people run. */
import { after } from 'node:test';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import { storeSuite } from '../../src/store/suite.ts';
import { ETCDS, startEtcd } from '../etcd.ts';

for (const program of ETCDS) {
  const etcd = await startEtcd({ program });
  after(() => etcd[Symbol.asyncDispose]());
  storeSuite(
    program,
    async () => {
      const location = etcd.location();
      return { open: () => openEtcdStore({ location, historySeconds: 0 }), discard: async () => undefined };
    },
    { shared: true },
  );
}
