import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { API_BODY_SECONDS, API_YAML_BYTES, JSON_DEPTH } from '../limits.ts';
import { DomainError } from '../objects/errors.ts';
import { decodeBody, readBody } from './body.ts';

const YAML = 'application/yaml';

function decoded(text: string | Buffer, type?: string): unknown {
  return decodeBody(Buffer.from(text), type);
}

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return error instanceof DomainError ? `${error.problem.reason}: ${error.message}` : String(error);
  }
  return 'accepted';
}

test('JSON, whatever repeats, null, and bytes that are no UTF-8', () => {
  assert.deepEqual(decoded('{"a":1}'), { value: { a: 1 }, duplicates: [] });
  assert.deepEqual(decoded('{"a":1}', 'application/json'), { value: { a: 1 }, duplicates: [] });
  assert.deepEqual(decoded(' null '), { value: {}, duplicates: [] });
  assert.deepEqual(decoded(Buffer.from('7b2261223a22ff227d', 'hex')), { value: { a: '\ufffd' }, duplicates: [] });
  const twice = '{"kind":"ConfigMap","data":{"k":"v","k":"w"},"data":{"k":"x"}}';
  assert.deepEqual(decoded(twice), { value: { kind: 'ConfigMap', data: { k: 'x' } }, duplicates: ['data.k', 'data'] });
  assert.deepEqual(decoded('{"a":[{"b":1},{"b":1,"\\u0062":2}],"c":"{\\"c\\":[","d":"\\\\"}'), {
    value: { a: [{ b: 1 }, { b: 2 }], c: '{"c":[', d: '\\' },
    duplicates: ['a[1].b'],
  });
  const many = `{${Array.from({ length: 40 }, (_, i) => `"n${i % 39}":1`).join(',')}}`;
  assert.deepEqual((decoded(many) as { duplicates: unknown }).duplicates, ['n0']);
});

test('JSON that is refused', () => {
  for (const text of ['', 'hello', '{"a":', '{"a":1} more', '{a:1}', '[1,]']) {
    assert.match(
      refusal(() => decoded(text)),
      /^BadRequest: the body of the request is not valid JSON: /,
      text,
    );
  }
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  assert.equal(
    refusal(() => decoded(deep(JSON_DEPTH))),
    'accepted',
  );
  for (const text of [deep(JSON_DEPTH + 1), deep(20_000), '['.repeat(1_000_000)]) {
    assert.equal(
      refusal(() => decoded(text)),
      'BadRequest: the body of the request is nested too deeply: at most 32 levels of objects and lists are accepted',
    );
  }
  assert.match(
    refusal(() => decoded('x', 'application/vnd.kubernetes.protobuf')),
    /^BadRequest: provided data does not appear to be a protobuf message/,
  );
  assert.match(
    refusal(() => decoded('x', 'text/plain')),
    /^UnsupportedMediaType: /,
  );
});

test('YAML as Kubernetes reads it', () => {
  const text = 'a: 12:30\nb: on\nc: 2020-01-01T00:00:00Z\nd: 010\ne: ~\n1: x\n"yes": "on"\n';
  assert.deepEqual(decoded(text, YAML), {
    value: { 1: 'x', a: '12:30', b: true, c: '2020-01-01T00:00:00Z', d: 8, e: null, yes: 'on' },
    duplicates: [],
  });
  assert.deepEqual(decoded('a: "1"\na: "2"\nb:\n- {c: 1, c: 2}\n', YAML), {
    value: { a: '2', b: [{ c: 2 }] },
    duplicates: ['a', 'b[0].c'],
  });
  assert.deepEqual(decoded('{"a":1,"a":2}', YAML), { value: { a: 2 }, duplicates: ['a'] });
  assert.deepEqual(decoded('{a: 1}', YAML), { value: { a: 1 }, duplicates: [] });
  assert.deepEqual(decoded('base: &b {x: 1}\nm: {<<: *b, z: 2}\n', YAML), {
    value: { base: { x: 1 }, m: { x: 1, z: 2 } },
    duplicates: [],
  });
});

test('YAML that is refused', () => {
  assert.match(
    refusal(() => decoded('kind: [', YAML)),
    /^BadRequest: the body of the request is not valid YAML: /,
  );
  assert.match(
    refusal(() => decoded('a: 1\n---\nb: 1\n', YAML)),
    /several YAML documents/,
  );
  assert.match(
    refusal(() => decoded('a: .nan\n', YAML)),
    /a is NaN, which JSON cannot hold/,
  );
  assert.match(
    refusal(() => decoded('[a, '.repeat(5_000), YAML)),
    /nested too deeply|not valid YAML/,
  );
  assert.match(
    refusal(() => decoded('a: &a {b: *a}\n', YAML)),
    /nested too deeply/,
  );
  const bomb = ['a: &a [x,x,x,x,x,x,x,x]'];
  for (const [before, name] of ['ab', 'bc', 'cd', 'de', 'ef'].map((pair) => pair.split(''))) {
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`);
  }
  assert.match(
    refusal(() => decoded(bomb.join('\n'), YAML)),
    /alias/,
  );
  assert.match(
    refusal(() => decoded(`a: "${'x'.repeat(API_YAML_BYTES)}"`, YAML)),
    /^RequestEntityTooLarge: /,
  );
});

test('numbers that are not written as integers are told, by where they stand', () => {
  const text = '{"a":1,"b":[2,{"c.d":1e2}],"e":true,"f":"1.5","g":-3.0}';
  assert.deepEqual(decodeBody(Buffer.from(text), undefined).fractions, [['b', 1, 'c.d'], ['g']]);
  assert.equal(decodeBody(Buffer.from('{"a":1,"b":false,"c":"1e2"}'), undefined).fractions, undefined);
});

test('any JSON value comes back as it was, and repeats nothing', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify({ value });
      for (const type of [undefined, YAML]) {
        const { value: found, duplicates } = decodeBody(Buffer.from(text), type);
        assert.deepEqual([found, duplicates], [JSON.parse(text), []]);
      }
    }),
  );
});

test('no text makes anything but a value or a refusal', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '"',
    '\\',
    ':',
    ',',
    'a',
    '1',
    ' ',
    '\n',
    '&a',
    '*a',
    '- ',
    'null',
    '\\"',
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 40 }).map((list) => list.join('')),
      (text) => {
        for (const type of [undefined, YAML]) {
          try {
            decodeBody(Buffer.from(text), type);
          } catch (error) {
            assert.ok(error instanceof DomainError, `${text}: ${String(error)}`);
          }
        }
      },
    ),
  );
});

/** What readBody makes of some bytes that a client sends; the client then ends its side if `end`. */
async function read(sent: string, limit: number, end = false): Promise<string> {
  const outcome = Promise.withResolvers<string>();
  const server = createServer((req: IncomingMessage, res) => {
    const settled = readBody(req, limit).then(
      (body) => body.toString(),
      (error: unknown) => (error instanceof DomainError ? `${error.problem.reason}: ${error.message}` : String(error)),
    );
    void settled.then((text) => {
      outcome.resolve(text);
      res.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(sent);
  if (end) socket.on('connect', () => setTimeout(() => socket.destroy(), 20));
  const text = await outcome.promise;
  socket.destroy();
  server.closeAllConnections();
  server.close();
  return text;
}

const POST = 'POST / HTTP/1.1\r\nHost: x\r\n';

test('a body is read whole, within the limit', async () => {
  assert.equal(await read(`${POST}Content-Length: 5\r\n\r\nhello`, 5), 'hello');
  assert.equal(await read(`${POST}Content-Length: 0\r\n\r\n`, 5), '');
  assert.equal(await read(`${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`, 5), 'hello');
  assert.equal(await read(`${POST}Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nhi`, 5), 'hi');
});

test('a body that is too large, compressed or broken off is refused', async () => {
  assert.equal(await read(`${POST}Content-Length: 6\r\n\r\n`, 5), 'RequestEntityTooLarge: limit is 5');
  assert.equal(
    await read(`${POST}Transfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n`, 5),
    'RequestEntityTooLarge: limit is 5',
  );
  assert.match(
    await read(`${POST}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi`, 5),
    /^UnsupportedMediaType: /,
  );
  assert.equal(
    await read(`${POST}Content-Length: 5\r\n\r\nhel`, 5, true),
    'BadRequest: the body of the request broke off before its end',
  );
});

test('a body that stands still is waited for no longer than its time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const req = Object.assign(new PassThrough(), { headers: {} }) as unknown as IncomingMessage & PassThrough;
  const body = readBody(req, 1024);
  req.write('{"kind":');
  t.mock.timers.tick(API_BODY_SECONDS * 1000 - 1);
  t.mock.timers.tick(1);
  await assert.rejects(body, /has not come to its end within 60 seconds/);
  const quick = Object.assign(new PassThrough(), { headers: {} }) as unknown as IncomingMessage & PassThrough;
  const whole = readBody(quick, 1024);
  quick.end('{}');
  assert.equal((await whole).toString(), '{}');
  // Its time has been stopped: nothing happens when it would be over.
  t.mock.timers.tick(API_BODY_SECONDS * 1000);
});
