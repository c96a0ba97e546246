import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { describe } from './descriptions.ts';
import { messageNamed } from './messages.ts';
import { schemaOfMessage } from './schema.ts';

const SOURCE = readFileSync(new URL('descriptions.ts', import.meta.url), 'utf8');

test('what is described is there', () => {
  const [, table = ''] = /const TEXTS = `\n([^`]*)`/.exec(SOURCE) ?? [];
  const names = table
    .trim()
    .split('\n')
    .map((line) => line.slice(0, line.indexOf(': ')));
  assert.ok(names.length > 100);
  for (const name of names.filter((one) => !one.startsWith('*.'))) {
    const [message = '', member] = name.split('.');
    const members = [...messageNamed(message).values()].map((field) => field.member);
    if (member !== undefined) assert.ok(members.includes(member), name);
  }
});

test('a member has words of its own, or those of its name; a message keeps its own beside them', () => {
  assert.equal(describe('ServicePort', 'port'), 'The port of the service.');
  assert.equal(describe('TCPSocketAction', 'port'), 'The port, by number or name.');
  assert.equal(describe('Container', 'resizePolicy'), undefined);
  const { spec } = schemaOfMessage('Deployment').properties;
  assert.ok(spec && 'componentDescription' in spec);
  assert.deepEqual([spec.description, spec.componentDescription], ['What is wanted.', 'What a deployment is to be.']);
});
