import assert from 'node:assert/strict';
import test from 'node:test';
import { field } from './component.ts';
import type { ObjectSchema } from './schema.ts';

const reference: ObjectSchema = {
  type: 'object',
  component: 'x.Reference',
  description: 'Names something.',
  properties: { name: { type: 'string' } },
};

test('a field has its own words and keeps those of its component', () => {
  assert.deepEqual(field(reference, 'Where to go.', 'pointer'), {
    ...reference,
    description: 'Where to go.',
    componentDescription: 'Names something.',
    empty: 'pointer',
  });
});

test('without more, a field is a Go struct, and the component is not touched', () => {
  assert.equal('empty' in field(reference, 'Where to go.'), false);
  assert.equal(reference.description, 'Names something.');
});
