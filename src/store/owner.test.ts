import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOwner, fateOf, newOwner } from './owner.ts';

test('an owner lives as long as its part and its process, and is not judged from afar', () => {
  const owner = newOwner();
  assert.equal(fateOf(owner), 'alive');
  endOwner(owner);
  assert.equal(fateOf(owner), 'dead', 'the process goes on, the part does not');
  const [boot, namespace, , start] = owner.split('-');
  const here = `${boot}-${namespace}`;
  const again = start === '0' ? 'alive' : 'dead';
  assert.equal(fateOf(`${here}-${process.ppid}-${start}-00000000`), again, 'a pid that was used again');
  assert.equal(fateOf(`${here}-4194305-${start}-00000000`), 'dead', 'a pid above the largest');
  assert.equal(fateOf(`${boot}-1${namespace}-${process.pid}-${start}-00000000`), 'unseen', 'of another container');
  assert.equal(
    fateOf(`00000001-${namespace}-${process.pid}-${start}-00000000`),
    'unseen',
    'of another boot, or machine',
  );
  assert.equal(fateOf('rubbish'), 'unseen');
});
