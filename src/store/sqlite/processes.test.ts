import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { Recorder } from '../recorder.ts';
import type { Store } from '../store.ts';
import { COUNTERS, contend, type Message } from './contender.ts';
import { openSqliteStore } from './sqlite.ts';
import { temporaryFile } from './temporary.ts';

const CONTENDER = join(import.meta.dirname, 'contender.ts');

/** Starts another process on the file and resolves when it is ready. */
async function start(task: 'contend' | 'write', file: string, times = 0): Promise<ChildProcess> {
  const child = fork(CONTENDER, [task, file, String(times)], { execArgv: [] });
  await message(child, 'ready');
  return child;
}

/** The next message of a kind. */
async function message(child: ChildProcess, kind: string): Promise<Record<string, unknown>> {
  for (;;) {
    const [received]: Message[] = await once(child, 'message');
    if (received && kind in received) return { ...received };
  }
}

async function withFile(body: (file: string) => Promise<void>): Promise<void> {
  const temporary = await temporaryFile();
  try {
    await body(temporary.file);
  } finally {
    await temporary.discard();
  }
}

async function counters(store: Store): Promise<number[]> {
  const { entries } = await store.list('counter/');
  return entries.map((entry) => Number(entry.value.toString()));
}

test('two processes lose no update, share the revisions and tell both their watches everything', () =>
  withFile(async (file) => {
    const times = 60;
    const store = await openSqliteStore({ file });
    const recorder = new Recorder(store, 'counter/', await store.revision());
    const child = await start('contend', file, times);
    const theirs = message(child, 'made');
    const mine = await contend(store, times);
    const { made } = await theirs;
    assert.ok(Array.isArray(made));
    const all = [...mine, ...made].sort((a, b) => a - b);
    assert.equal(new Set(all).size, 2 * times * COUNTERS.length);
    assert.deepEqual(
      await counters(store),
      COUNTERS.map(() => 2 * times),
    );
    await recorder.reached(all.at(-1));
    assert.deepEqual(
      recorder.batches.map((batch) => batch.revision),
      all,
    );
    for (const event of recorder.events) {
      assert.equal(Number(event.value?.toString()), Number(event.previous?.value.toString() ?? '0') + 1);
    }
    const last = await store.commit([{ op: 'delete', key: 'counter/a' }]);
    const exit = once(child, 'exit');
    child.send(last);
    const { told } = await message(child, 'told');
    assert.deepEqual(told, [...all, last]);
    assert.deepEqual(await exit, [0, null]);
    await store.close();
  }));

test('what was acknowledged survives kill -9, whole commits only', () =>
  withFile(async (file) => {
    for (let round = 0; round < 3; round++) {
      const child = await start('write', file);
      let acknowledged = -1;
      child.on('message', (received: Message) => {
        if ('acknowledged' in received) acknowledged = received.acknowledged;
        if (acknowledged >= 30 + round) child.kill('SIGKILL');
      });
      await once(child, 'exit');
      const store = await openSqliteStore({ file });
      for (let index = 0; index <= acknowledged; index++) {
        for (const letter of 'xyz') {
          const entry = await store.get(`written/${index}/${letter}`);
          assert.ok(entry?.value.equals(Buffer.alloc(3000, letter)), `written/${index}/${letter} of ${acknowledged}`);
        }
      }
      const { entries } = await store.list('');
      const newest = await store.get('newest');
      assert.equal(await store.revision(), newest?.revision);
      assert.ok(entries.some((entry) => entry.key !== 'newest' && entry.revision === newest?.revision));
      await store.commit([{ op: 'deletePrefix', prefix: '' }]);
      await store.close();
    }
  }));
