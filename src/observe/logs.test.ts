import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogOptions, makeLogger } from './logs.ts';

function logged(options: LogOptions, log: (logger: ReturnType<typeof makeLogger>) => void): string {
  const lines: string[] = [];
  log(makeLogger(options, { write: (line: string) => lines.push(line) }));
  return lines.join('');
}

test('pretty lines have the time, the level, the words, the members and the stack of an error', () => {
  const text = logged({ level: 'info', format: 'pretty' }, (logger) => {
    logger.debug('unheard');
    logger.info({ path: '/a', what: 'two words', ms: 3 }, 'hello');
    logger.error({ err: new Error('no luck') }, 'failed');
  });
  const [first, second, third, ...rest] = text.split('\n');
  assert.match(first ?? '', /^\d\d:\d\d:\d\d\.\d{3} INFO {2}hello {2}path=\/a what="two words" ms=3$/);
  assert.match(second ?? '', /^\S+ ERROR failed$/);
  assert.equal(third, '    Error: no luck');
  assert.ok(rest.some((line) => line.startsWith('        at ')));
});

test('JSON lines are one object each', () => {
  const text = logged({ level: 'warn', format: 'json' }, (logger) => logger.warn({ path: '/a' }, 'hello'));
  const { time, ...rest } = JSON.parse(text);
  assert.deepEqual(rest, { level: 40, path: '/a', msg: 'hello' });
  assert.ok(Date.parse(time) > 0);
});

test('credentials are not printed, wherever they are', () => {
  for (const format of ['pretty', 'json'] as const) {
    const text = logged({ level: 'info', format }, (logger) =>
      logger.info(
        { token: 'GEHEIM', req: { headers: { authorization: 'GEHEIM' } }, user: { password: 'GEHEIM' } },
        'x',
      ),
    );
    assert.ok(!text.includes('GEHEIM'), text);
    assert.equal(text.split('[hidden]').length, 4);
  }
});
