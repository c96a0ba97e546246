/** What an IP address is for, as far as it decides whether the server may connect to it for a user. Pure. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * `public`: the Internet. `private`: networks of one's own. `near`: this machine, its link, and what clouds tell a
 * machine about itself. `never`: no address of one host.
 */
export type AddressClass = 'public' | 'private' | 'near' | 'never';

interface Kind {
  readonly class: AddressClass;
  /** What it is, for messages. */
  readonly name: string;
  readonly networks: readonly string[];
}

/** The first that fits counts. */
const KINDS: readonly Kind[] = [
  {
    class: 'near',
    name: 'an address at which clouds tell a machine its secrets',
    networks: [
      '169.254.169.254/32',
      '169.254.170.2/32',
      '169.254.170.23/32',
      '100.100.100.200/32',
      '168.63.129.16/32',
      '192.0.0.192/32',
      'fd00:ec2::/32',
      'fd20:ce::254/128',
    ],
  },
  { class: 'near', name: 'a loopback address', networks: ['127.0.0.0/8', '::1/128'] },
  { class: 'near', name: 'an address of no host', networks: ['0.0.0.0/8', '::/128'] },
  { class: 'near', name: 'a link-local address', networks: ['169.254.0.0/16', 'fe80::/10'] },
  {
    class: 'never',
    name: 'no address of a single host',
    networks: ['224.0.0.0/4', '240.0.0.0/4', 'ff00::/8'],
  },
  {
    class: 'private',
    name: 'a private address',
    networks: [
      '10.0.0.0/8',
      '100.64.0.0/10',
      '172.16.0.0/12',
      '192.0.0.0/24',
      '192.168.0.0/16',
      '198.18.0.0/15',
      'fc00::/7',
      'fec0::/10',
    ],
  },
];

const LISTS = KINDS.map((kind) => ({ kind, list: blockList(kind.networks) }));

/** Networks (ADDRESS/BITS) to be asked whether they hold an address. */
export function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/');
    list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** Whether networks hold an address, also where it is an IPv4 address in the clothes of IPv6. */
export function holds(list: BlockList, address: string): boolean {
  const embedded = embeddedIPv4(address);
  if (embedded !== undefined && list.check(embedded, 'ipv4')) return true;
  return list.check(withoutZone(address), isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** What an address is; an address that carries an IPv4 address is what that is. */
export function classify(address: string): { readonly class: AddressClass; readonly name: string } {
  const effective = embeddedIPv4(address) ?? withoutZone(address);
  const family = isIPv4(effective) ? 'ipv4' : 'ipv6';
  const found = LISTS.find(({ list }) => list.check(effective, family));
  return found?.kind ?? { class: 'public', name: 'a public address' };
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}

/** The IPv4 address within an IPv6 address: mapped, compatible, NAT64 or 6to4. */
function embeddedIPv4(address: string): string | undefined {
  const plain = withoutZone(address);
  if (!isIPv6(plain)) return undefined;
  const groups = groupsOf(plain);
  const [g0 = 0, g1 = 0, g2 = 0] = groups;
  const last = groups.slice(6);
  const zeros = (from: number, to: number): boolean => groups.slice(from, to).every((group) => group === 0);
  if (g0 === 0x2002) return dotted([g1, g2]);
  if (g0 === 0x64 && (g1 === 0xff9b || g1 === 0x1)) return dotted(last);
  const mapped = zeros(0, 5) && groups[5] === 0xffff;
  const translated = zeros(0, 4) && groups[4] === 0xffff && groups[5] === 0;
  const compatible = zeros(0, 6) && (last[0] ?? 0) !== 0;
  return mapped || translated || compatible ? dotted(last) : undefined;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const numbers = (text: string | undefined): number[] =>
    text ? text.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const [before, after] = [numbers(head), numbers(tail)];
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function dotted([high = 0, low = 0]: readonly number[]): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
