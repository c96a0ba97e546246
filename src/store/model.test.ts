/** Random histories: SQLite must say exactly what the memory store says, to the last field. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openMemoryStore } from './memory/memory.ts';
import { openSqliteStore } from './sqlite/sqlite.ts';
import { temporaryFile } from './sqlite/temporary.ts';
import { History, step, told } from './suite-histories.ts';

test('memory and SQLite agree about every history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const temporary = await temporaryFile();
      const model = new History(openMemoryStore());
      const real = new History(await openSqliteStore({ file: temporary.file, historySeconds: 0 }));
      try {
        for (const one of steps) await Promise.all([model.take(one), real.take(one)]);
        assert.deepEqual(real.said, model.said);
        assert.deepEqual(await told(real), await told(model));
        assert.deepEqual(await real.store.list(''), await model.store.list(''));
      } finally {
        await Promise.all([model.store.close(), real.store.close()]);
        await temporary.discard();
      }
    }),
    { numRuns: 60 },
  );
});
