import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { DomainError } from '../../objects/errors.ts';
import { type Message, messageNamed, messageOfKind } from '../../objects/messages/messages.ts';
import { decodeProtobuf } from './envelope.ts';
import { MalformedMessage, membersOf } from './message.ts';

/** Fields by their numbers: numbers and booleans are varints, objects messages, lists repeated fields. */
interface Fields {
  readonly [field: number]: Value | readonly Value[];
}
type Value = string | number | bigint | boolean | Uint8Array | Fields;

function encoded(fields: Fields): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, values] of Object.entries(fields)) {
    for (const value of Array.isArray(values) ? values : [values]) write(writer, Number(number), value);
  }
  return writer.finish();
}

function write(writer: BinaryWriter, number: number, value: Value): void {
  if (typeof value === 'string') writer.tag(number, WireType.LengthDelimited).string(value);
  else if (typeof value === 'object') {
    writer.tag(number, WireType.LengthDelimited).bytes(value instanceof Uint8Array ? value : encoded(value));
  } else writer.tag(number, WireType.Varint).int64(typeof value === 'bigint' ? value : Number(value));
}

function packed(apiVersion: string, kind: string, fields: Fields): Buffer {
  return Buffer.concat([
    Buffer.from('k8s\0'),
    encoded({ 1: { 1: apiVersion, 2: kind }, 2: encoded(fields), 3: '', 4: '' }),
  ]);
}

const refusal = (work: () => unknown): string => {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (error instanceof DomainError) return `${error.problem.reason}: ${error.message}`;
    throw error;
  }
};

test('a config map as client-go writes it, empty members and all', () => {
  const body = packed('v1', 'ConfigMap', {
    1: { 1: 'a', 2: '', 3: '', 4: '', 5: '', 6: '', 7: 0, 8: {}, 11: [{ 1: 'l', 2: '1' }] },
    2: [{ 1: 'k', 2: 'v ü' }, { 1: 'empty' }, { 1: '__proto__', 2: 'x' }],
    3: { 1: 'b', 2: Buffer.of(0, 255) },
    77: 'not known',
  });
  const object = decodeProtobuf(body);
  assert.equal(
    JSON.stringify(object),
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","generateName":"","namespace":"","selfLink":"","uid":"",' +
      '"resourceVersion":"","generation":0,"creationTimestamp":null,"labels":{"l":"1"}},' +
      '"data":{"k":"v ü","empty":"","__proto__":"x"},"binaryData":{"b":"AP8="}}',
  );
});

test('what JSON writes otherwise: times, quantities, numbers or texts, inlined members, wrapped lists, negative numbers', () => {
  const of = (kind: string, fields: Fields): object => membersOf(messageNamed(kind), encoded(fields));
  assert.deepEqual(of('LeaseSpec', { 1: 'h', 3: { 1: 1_700_000_000, 2: 123_456_789 }, 4: {} }), {
    holderIdentity: 'h',
    acquireTime: '2023-11-14T22:13:20.123456Z',
    renewTime: null,
  });
  assert.deepEqual(of('ObjectMeta', { 9: { 1: 1_700_000_000, 2: 5 } }), { deletionTimestamp: '2023-11-14T22:13:20Z' });
  assert.deepEqual(of('ResourceQuotaSpec', { 1: [{ 1: 'cpu', 2: { 1: '1500m' } }, { 1: 'pods' }] }), {
    hard: { cpu: '1500m', pods: '0' },
  });
  assert.deepEqual(of('ServicePort', { 4: { 1: 0, 2: 80, 3: '' } }), { targetPort: 80 });
  assert.deepEqual(of('ServicePort', { 4: { 1: 1, 2: 0, 3: 'http' } }), { targetPort: 'http' });
  assert.deepEqual(of('Volume', { 1: 'v', 2: { 6: { 1: 's' } } }), { name: 'v', secret: { secretName: 's' } });
  assert.deepEqual(of('UserInfo', { 1: 'u', 4: [{ 1: 'k', 2: { 1: ['a', 'b'] } }] }), {
    username: 'u',
    extra: { k: ['a', 'b'] },
  });
  assert.deepEqual(of('DeleteOptions', { 1: -5n }), { gracePeriodSeconds: -5 });
  assert.deepEqual(of('ManagedFieldsEntry', { 7: { 1: Buffer.from('{"f:a":{}}') } }), { fieldsV1: { 'f:a': {} } });
});

test('lists of numbers, one by one and packed; messages that are there twice are merged', () => {
  assert.deepEqual(
    membersOf(messageNamed('PodSecurityContext'), encoded({ 4: [1, 2, Buffer.of(3, 4)] })).supplementalGroups,
    [1, 2, 3, 4],
  );
  const twice = packed('v1', 'Secret', { 1: [{ 1: 'a', 3: 'n' }, { 1: 'b' }] });
  assert.deepEqual(decodeProtobuf(twice), {
    kind: 'Secret',
    apiVersion: 'v1',
    metadata: { name: 'b', namespace: 'n' },
  });
});

test('DeleteOptions come under any apiVersion; Events of both groups are told apart', () => {
  assert.deepEqual(decodeProtobuf(packed('image.openshift.io/v1', 'DeleteOptions', { 4: 'Background' })), {
    kind: 'DeleteOptions',
    apiVersion: 'image.openshift.io/v1',
    propagationPolicy: 'Background',
  });
  assert.deepEqual(Object.keys(decodeProtobuf(packed('v1', 'Event', { 3: 'why' }))), ['kind', 'apiVersion', 'reason']);
  assert.deepEqual(Object.keys(decodeProtobuf(packed('events.k8s.io/v1', 'Event', { 10: 'what' }))), [
    'kind',
    'apiVersion',
    'note',
  ]);
});

test('a body that does not say what it is is what is expected', () => {
  const body = packed('', '', { 1: { 1: 'a' } });
  const expected = { apiVersion: 'v1', kind: 'ConfigMap' };
  assert.deepEqual(decodeProtobuf(body, expected), { ...expected, metadata: { name: 'a' } });
});

test('what is refused', () => {
  const good = packed('v1', 'ConfigMap', { 1: { 1: 'a' } });
  const refused = (body: Uint8Array): string => refusal(() => decodeProtobuf(body));
  assert.match(refused(good.subarray(4)), /^BadRequest: provided data does not appear to be a protobuf message/);
  assert.match(refused(Buffer.from('{}')), /^BadRequest: provided data/);
  assert.match(refused(Buffer.alloc(0)), /^BadRequest: provided data/);
  assert.match(
    refused(good.subarray(0, -8)),
    /^BadRequest: the body of the request is not valid protobuf: unexpected end/,
  );
  assert.match(refused(packed('v1', 'Widget', {})), /^BadRequest: no kind "Widget" is registered for version "v1"/);
  assert.match(refused(packed('', 'ConfigMap', {})), /^BadRequest: Object 'apiVersion' is missing/);
  assert.match(refused(packed('v1', '', {})), /^BadRequest: Object 'Kind' is missing/);
  assert.match(refused(Buffer.from('k8s\0')), /^BadRequest: empty body/);
  assert.match(refused(packed('none.test/v1', 'Widget', {})), /^UnsupportedMediaType: .*send it as application\/json/);
  assert.match(refused(packed('v1', 'ConfigMap', { 1: 5 })), /wrong wireType = 0 for field metadata/);
  assert.match(refused(packed('v1', 'ConfigMap', { 4: 'x' })), /wrong wireType = 2 for field immutable/);
  assert.match(refused(packed('v1', 'ConfigMap', { 1: { 8: { 1: 1n << 60n } } })), /no time is/);
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  assert.match(refused(packed('v1', 'ConfigMap', { 1: { 17: { 7: { 1: deep } } } })), /nested too deeply/);
  assert.match(refused(packed('v1', 'ConfigMap', { 1: { 17: { 7: { 1: '{' } } } })), /should be JSON/);
});

/** All kinds with the messages that they lead to. */
function reachable(): Map<string, Message> {
  const found = new Map<string, Message>();
  const visit = (name: string): void => {
    if (found.has(name)) return;
    const message = messageNamed(name);
    found.set(name, message);
    for (const { type } of message.values()) if (typeof type === 'object') visit(type.message);
  };
  const kinds =
    'Namespace Secret ConfigMap ServiceAccount Pod Service Deployment CronJob Role ClusterRoleBinding Lease';
  for (const kind of kinds.split(' ')) visit(kind);
  for (const kind of ['DaemonSet', 'StatefulSet', 'Ingress', 'TokenReview', 'SubjectAccessReview', 'Event'])
    visit(kind);
  return found;
}

test('the tables hang together: every type is known, no member is there twice', () => {
  const messages = reachable();
  assert.ok(messages.size > 150, `${messages.size} messages`);
  for (const [name, message] of messages) {
    const members = [...message.values()].map(({ member }) => member).filter((member) => member !== '');
    assert.equal(new Set(members).size, members.length, name);
    for (const number of message.keys()) assert.ok(number > 0 && number < 2 ** 29, `${name} ${number}`);
  }
  assert.equal(messageOfKind('v1', 'Deployment'), undefined);
  assert.equal(messageOfKind('v2', 'ConfigMap'), undefined);
  assert.equal(messageOfKind('constructor', 'Deployment'), undefined);
  assert.equal(messageOfKind('none.test/v1', 'Deployment'), 'other');
});

test('bytes that mean nothing are refused or read, never anything else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...reachable().values()), (bytes, message) => {
      try {
        membersOf(message, bytes);
      } catch (error) {
        assert.ok(error instanceof MalformedMessage, String(error));
      }
    }),
  );
  const good = packed('v1', 'ConfigMap', { 1: { 1: 'a', 11: [{ 1: 'l', 2: '1' }] }, 2: { 1: 'k', 2: 'v' } });
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(good);
      changed[at] = byte;
      assert.match(
        refusal(() => decodeProtobuf(changed)),
        /^(accepted|BadRequest|UnsupportedMediaType)/,
      );
    }),
  );
});
