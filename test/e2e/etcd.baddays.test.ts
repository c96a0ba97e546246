/** What the etcd store says when etcd is not as it should be: each message names what to do. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAuthority } from '../../src/access/authority.ts';
import { openEtcdStore } from '../../src/store/etcd/etcd.ts';
import { Layout } from '../../src/store/etcd/layout.ts';
import { Leadership } from '../../src/store/etcd/leadership.ts';
import type { EtcdLocation } from '../../src/store/etcd/location.ts';
import { Members } from '../../src/store/etcd/members.ts';
import { RANGE, TXN } from '../../src/store/etcd/messages.ts';
import { Recorder } from '../../src/store/recorder.ts';
import { type Change, Compacted, type Store, StoreFull, StoreUnavailable } from '../../src/store/store.ts';
import { ETCDS, startEtcd, type TestEtcd } from '../etcd.ts';
import { freePort } from '../ports.ts';
import { temporaryFolder } from '../program.ts';

const put = (key: string, value: string | Buffer = key): Change => ({ op: 'put', key, value: Buffer.from(value) });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function open(location: EtcdLocation, warn: (text: string) => void = () => undefined): Promise<Store> {
  return openEtcdStore({ location, historySeconds: 0, warn });
}

/** Calls etcd's JSON gateway, as an administrator would use etcdctl. */
async function ask(
  { endpoints }: TestEtcd,
  path: string,
  body: unknown = {},
  token = '',
): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://${endpoints[0]}/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: token === '' ? {} : { Authorization: token },
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${path}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

function refusal(location: EtcdLocation, message: RegExp): Promise<void> {
  return assert.rejects(open(location), (error: unknown) => {
    assert.ok(error instanceof StoreUnavailable, String(error));
    assert.match(error.message, message);
    return true;
  });
}

for (const program of ETCDS) {
  describe(`${program} that is not as it should be`, () => {
    test('is out of space: writes are refused, reads go on, and all is well when there is room', async () => {
      await using etcd = await startEtcd({ program, flags: ['--quota-backend-bytes', '4000000'] });
      const store = await open(etcd.location());
      await store.commit([put('/small')]);
      const fill = async (): Promise<void> => {
        for (let count = 0; count < 20; count++) await store.commit([put('/large', Buffer.alloc(1_000_000, count))]);
      };
      await assert.rejects(fill(), (error: unknown) => {
        assert.ok(error instanceof StoreFull, String(error));
        assert.match(error.message, /NOSPACE.*alarm disarm/);
        return true;
      });
      assert.equal((await store.get('/small'))?.value.toString(), '/small');
      await store.compact(await store.revision());
      await ask(etcd, 'maintenance/defragment');
      const { alarms } = (await ask(etcd, 'maintenance/alarm', { action: 'GET' })) as {
        alarms: { memberID: string }[];
      };
      for (const { memberID } of alarms) {
        await ask(etcd, 'maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm: 'NOSPACE' });
      }
      const revision = await store.commit([put('/small', 'again')]);
      assert.equal((await store.get('/small'))?.revision, revision);
      await store.close();
    });

    test('asks for a user: a wrong one is told so, the right one needs rights on the prefix only', async () => {
      await using etcd = await startEtcd({ program });
      const location = etcd.location();
      const prefix = `${location.prefix}/`;
      for (const name of ['root', 'me']) {
        await ask(etcd, 'auth/user/add', { name, password: 'pass' });
        await ask(etcd, 'auth/role/add', { name });
        await ask(etcd, 'auth/user/grant', { user: name, role: name });
      }
      const end = base64(`${location.prefix}0`);
      const perm = { permType: 'READWRITE', key: base64(prefix), range_end: end };
      await ask(etcd, 'auth/role/grant', { name: 'me', perm });
      await ask(etcd, 'auth/enable');

      await refusal(location, /wants a user: write USER:PASSWORD@/);
      const user = (name: string, text: string) => ({ ...location, user: { name, password: { text } } });
      await refusal(user('me', 'wrong'), /refuses user and password/);
      await refusal({ ...user('me', 'pass'), prefix: '/elsewhere' }, /does not let the user do this.*grant-permission/);
      const store = await open(user('me', 'pass'));
      const recorder = new Recorder(store, '/', await store.revision());
      await store.commit([put('/a')]);
      // A member that starts again has forgotten all tokens.
      etcd.signal(0, 'SIGKILL');
      await etcd.restart(0);
      const revision = await store.commit([put('/a', 'again')]);
      assert.equal((await store.get('/a'))?.revision, revision);
      await recorder.reached(revision);
      assert.equal(recorder.batches.length, 2);
      // From 3.5 on etcd lets only root compact.
      const compacted = await store.compact(revision).then(
        () => true,
        (error: unknown) => {
          assert.match(String(error), /lets only root compact: .*--auto-compaction-retention=10m/);
          return false;
        },
      );
      assert.equal(compacted, program === 'etcd');
      if (compacted) {
        await assert.rejects(async () => store.get('/a', { fresh: { exactly: revision - 1 } }), Compacted);
      }
      await store.close();
    });

    test('holds something else, or a newer store, below the prefix', async () => {
      await using etcd = await startEtcd({ program });
      const putRaw = (key: string, value: string) => ask(etcd, 'kv/put', { key: base64(key), value: base64(value) });
      const [foreign, newer, mixed] = [etcd.location(), etcd.location(), etcd.location()];
      await putRaw(`${foreign.prefix}/registry/pods/x`, 'x');
      await refusal(foreign, /holds \/test\/0\/registry\/pods\/x, which is no Headgate's: choose a prefix/);
      await putRaw(`${newer.prefix}/format`, '{"format":2}');
      await refusal(newer, /written by a newer Headgate \(format 2; this one knows 1\)/);

      const first = await open(mixed);
      await first.commit([put('/own')]);
      await putRaw(`${mixed.prefix}0`, 'outside');
      await putRaw(`${mixed.prefix}/other`, 'inside');
      const warnings: string[] = [];
      const store = await open(mixed, (text) => warnings.push(text));
      assert.match(warnings.join(), /\/other, below the prefix of this store, is another program's/);
      await store.commit([{ op: 'deletePrefix', prefix: '' }]);
      assert.deepEqual((await store.list('')).entries, []);
      const others = await ask(etcd, 'kv/range', { key: base64(mixed.prefix), range_end: base64(`${mixed.prefix}1`) });
      const keys = (others.kvs as { key: string }[]).map(({ key }) => Buffer.from(key, 'base64').toString());
      assert.deepEqual(
        keys,
        ['/format', '/last', '/other', '0'].map((key) => mixed.prefix + key),
      );
      await Promise.all([first.close(), store.close()]);
    });

    test('speaks TLS and asks for certificates', async () => {
      const folder = temporaryFolder();
      const authority = await openAuthority({ folder, names: ['127.0.0.1'], now: new Date() });
      const file = (name: string, text: string): string => {
        writeFileSync(join(folder, name), text);
        return join(folder, name);
      };
      const ca = file('trust.crt', authority.certificate);
      const tls = {
        ca,
        client: { cert: file('me.crt', authority.admin.certificate), key: file('me.key', authority.admin.key) },
      };
      const server = ['--cert-file', file('etcd.crt', authority.server.certificate)];
      server.push('--key-file', file('etcd.key', authority.server.key));
      const flags = [...server, '--client-cert-auth', '--trusted-ca-file', ca];
      await using etcd = await startEtcd({ program, flags, tls });
      const store = await open({ ...etcd.location(), tls });
      await store.commit([put('/a')]);
      assert.equal((await store.get('/a'))?.key, '/a');
      await store.close();
      for (const wrong of [{}, { ca }]) {
        const warnings: string[] = [];
        const stop = new AbortController();
        const opening = openEtcdStore({
          location: { ...etcd.location(), tls: wrong },
          warn: (text) => {
            warnings.push(text);
            stop.abort();
          },
          signal: stop.signal,
        });
        await assert.rejects(opening, /stopped while waiting for etcd/);
        assert.match(warnings.join(), /no etcd can be reached at etcds:.* \((?:TLS: |unable to verify).*is it running/);
      }
      // Files that are put right are read when it connects again.
      const stranger = await openAuthority({ folder: temporaryFolder(), names: ['127.0.0.1'], now: new Date() });
      file('trust.crt', stranger.certificate);
      const warnings: string[] = [];
      const late = await openEtcdStore({
        location: { ...etcd.location(), tls },
        warn: (text) => {
          warnings.push(text);
          file('trust.crt', authority.certificate);
        },
        signal: AbortSignal.timeout(30_000),
      });
      assert.match(warnings.join(), /no etcd can be reached at etcds:/);
      await late.commit([put('/late')]);
      await late.close();
      await refusal(
        { ...etcd.location(), tls: { ca: '/nowhere/ca.crt' } },
        /\/nowhere\/ca.crt, named in --store, cannot be read/,
      );
    });

    test('has one leader at a time, and one that was replaced can do nothing', async () => {
      await using etcd = await startEtcd({ program });
      const location = etcd.location();
      const members = new Members(location);
      const layout = new Layout(location.prefix);
      const [one, two] = ['one', 'two'].map((name) => new Leadership(members, layout, 'work', name));
      assert.ok(one && two);
      assert.equal(await one.take(), true);
      assert.equal(await one.take(), true);
      assert.equal(await two.take(), false);
      const stale = one.fence;
      // As if it had slept until its lease was over.
      const gone = { compare: [], success: [{ op: 'delete', from: layout.leaders('work') } as const], failure: [] };
      await members.call(TXN, gone, { repeatable: true });
      assert.equal(await two.take(), true);
      assert.ok(stale && two.fence);
      const work = (fence: typeof stale, key: string) => {
        const success = [{ op: 'put', key: Buffer.from(key), value: Buffer.alloc(1) } as const];
        return members.call(TXN, { compare: [fence], success, failure: [] }, { repeatable: true });
      };
      assert.equal((await work(stale, '/test/stale')).succeeded, false);
      assert.equal((await work(two.fence, '/test/led')).succeeded, true);
      assert.equal((await members.call(RANGE, { from: Buffer.from('/test/stale') }, { repeatable: true })).count, 0);
      assert.equal(await one.take(), false);
      await two.resign();
      assert.equal(await one.take(), true);
      await one.resign();
      members.close();
    });

    test('is compacted by one of several processes when history is old', async () => {
      await using etcd = await startEtcd({ program });
      const location = etcd.location();
      let now = 0;
      const stores = await Promise.all(
        [1, 2, 3].map(() => openEtcdStore({ location, historySeconds: 0.2, clock: () => now })),
      );
      const [store] = stores;
      assert.ok(store);
      const first = await store.commit([put('/a')]);
      await store.commit([put('/a', 'again')]);
      assert.ok(await store.get('/a', { fresh: { exactly: first } }));
      const isGone = async (): Promise<boolean> => {
        const answer = await ask(etcd, 'kv/range', { key: base64('/x'), revision: first }).catch(
          (error: unknown) => error,
        );
        return answer instanceof Error && answer.message.includes('compacted');
      };
      for (const until = performance.now() + 60_000; !(await isGone()); now += 100) {
        assert.ok(performance.now() < until, 'nothing was compacted');
        await sleep(20);
      }
      assert.equal((await store.get('/a'))?.value.toString(), 'again');
      await Promise.all(stores.map((each) => each.close()));
    });
  });
}

test('an etcd that is not there is waited for', async () => {
  const warnings: string[] = [];
  const stop = new AbortController();
  const location = { endpoints: [`127.0.0.1:${await freePort()}`], prefix: '/p' };
  const warn = (text: string): void => {
    // It goes on without another word.
    if (warnings.push(text) === 1) setTimeout(() => stop.abort(), 6_000);
  };
  const opening = openEtcdStore({ location, warn, signal: stop.signal });
  await assert.rejects(opening, /stopped while waiting for etcd: no etcd can be reached/);
  assert.deepEqual(warnings.length, 1);
  assert.match(warnings.join(), /ECONNREFUSED/);
});
