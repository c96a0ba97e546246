import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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

test('a process that has ended is dead before its parent has asked how', async (t) => {
  // The shell turns into a program that never asks for the end of the child it was given, which comes only after that.
  const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  t.after(() => parent.kill('SIGKILL'));
  assert.ok(parent.stdout);
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(String(line));
  const stat = (): string[] => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  const [boot, namespace] = newOwner().split('-');
  const owner = `${boot}-${namespace}-${pid}-${stat()[19]}-00000000`;
  assert.equal(fateOf(owner), 'alive');
  while (readFileSync(`/proc/${parent.pid}/comm`, 'latin1') !== 'sleep\n') await sleep(1);
  process.kill(pid);
  while (stat()[0] !== 'Z') await sleep(1);
  assert.equal(fateOf(owner), 'dead');
});
