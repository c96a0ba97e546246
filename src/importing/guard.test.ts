import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { classify } from './addresses.ts';
import { AddressRefused, makeGuard } from './guard.ts';

const OPEN = { allowPrivate: true, deny: [] };
const CLOSED = { allowPrivate: false, deny: [] };
const names: Readonly<Record<string, readonly string[]>> = {
  'public.test': ['93.184.216.34'],
  'inside.test': ['10.1.2.3'],
  'here.test': ['127.0.0.1'],
  'both.test': ['127.0.0.1', '::1', '93.184.216.34'],
  'nowhere.test': [],
};
const resolve = async (name: string) => (names[name] ?? []).map((address) => ({ address }));

suite('what an address is', () => {
  const cases: readonly [string, string][] = [
    ['8.8.8.8', 'public'],
    ['2001:4860:4860::8888', 'public'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['192.168.3.4', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12::1', 'private'],
    ['127.255.255.254', 'near'],
    ['0.0.0.0', 'near'],
    ['::', 'near'],
    ['::1', 'near'],
    ['169.254.169.254', 'near'],
    ['fd00:ec2::254', 'near'],
    ['100.100.100.200', 'near'],
    ['fe80::1%eth0', 'near'],
    ['224.0.0.1', 'never'],
    ['255.255.255.255', 'never'],
    ['ff02::1', 'never'],
    ['::ffff:127.0.0.1', 'near'],
    ['::ffff:7f00:1', 'near'],
    ['::127.0.0.1', 'near'],
    ['64:ff9b::7f00:1', 'near'],
    ['64:ff9b::169.254.169.254', 'near'],
    ['2002:7f00:1::', 'near'],
    ['2002:a00:1::1', 'private'],
    ['::ffff:8.8.8.8', 'public'],
  ];
  for (const [address, expected] of cases) {
    test(`${address} is ${expected}`, () => assert.equal(classify(address).class, expected));
  }

  test('every IPv4 address is the same in the clothes of IPv6', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const [high, low] = [((a << 8) | b).toString(16), ((c << 8) | d).toString(16)];
        const expected = classify(address).class;
        for (const form of [
          `::ffff:${address}`,
          `::ffff:${high}:${low}`,
          `64:ff9b::${high}:${low}`,
          `2002:${high}:${low}::`,
        ]) {
          assert.equal(classify(form).class, expected, form);
        }
      }),
    );
  });
});

suite('where imports may go', () => {
  const refusedBy = (
    reach: { allowPrivate: boolean; deny: readonly string[] },
    host: string,
    from?: 'public' | 'private',
  ) => assert.rejects(makeGuard(reach, resolve).admit(host, from), AddressRefused);

  test('to public and private addresses', async () => {
    const guard = makeGuard(CLOSED, resolve);
    assert.deepEqual(await guard.admit('public.test'), { address: '93.184.216.34', family: 4, zone: 'public' });
    assert.deepEqual(await guard.admit('inside.test'), { address: '10.1.2.3', family: 4, zone: 'private' });
    assert.deepEqual(await guard.admit('[2001:db8::1]'), { address: '2001:db8::1', family: 6, zone: 'public' });
  });
  test('not to this machine, unless that is allowed', async () => {
    await refusedBy(CLOSED, 'here.test');
    await refusedBy(CLOSED, '127.0.0.1');
    await refusedBy(CLOSED, '[::1]');
    assert.equal((await makeGuard(OPEN, resolve).admit('here.test')).address, '127.0.0.1');
  });
  test('of several addresses, to the first that is allowed', async () => {
    assert.equal((await makeGuard(CLOSED, resolve).admit('both.test')).address, '93.184.216.34');
  });
  test('never to groups, nor to what is denied', async () => {
    await refusedBy(OPEN, '224.0.0.1');
    await refusedBy({ allowPrivate: true, deny: ['10.0.0.0/8'] }, 'inside.test');
    await refusedBy({ allowPrivate: true, deny: ['10.0.0.0/8'] }, '[::ffff:10.0.0.1]');
    await refusedBy({ allowPrivate: true, deny: ['2001:db8::/32'] }, '[2001:db8::7]');
  });
  test('not from the Internet into a private network', async () => {
    await refusedBy(OPEN, 'inside.test', 'public');
    await refusedBy(OPEN, 'here.test', 'public');
    assert.equal((await makeGuard(OPEN, resolve).admit('inside.test', 'private')).zone, 'private');
  });
  test('not to a name without address, and the refusal says what to do', async () => {
    await refusedBy(OPEN, 'nowhere.test');
    await assert.rejects(makeGuard(CLOSED, resolve).admit('here.test'), {
      message:
        'may not connect to here.test at 127.0.0.1, which is a loopback address; imports may not reach it unless the server runs with --import-allow-private',
    });
  });
});
