import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterResources } from '../cluster/resources.ts';
import { digestOf } from '../image/digest.ts';
import { COLLECT_PREFIX, OWNED_PREFIX } from '../objects/owners.ts';
import { DESCRIPTIONS, LINKS, REFERENCES } from '../streams/links.ts';
import { imageResources } from '../streams/resources.ts';
import { SINCE } from './grace.ts';
import { leaseContent, leaseKey } from './leases.ts';
import { markKey, startEpoch } from './marks.ts';
import { quarantineChange } from './quarantine.ts';
import { openTrial } from './trial.ts';

const DIGEST = digestOf('');

test('what collecting keeps is taken for nothing else, and nothing else for it', async () => {
  const trial = openTrial();
  const { ctx } = trial;
  await leaseContent(ctx, DIGEST);
  await startEpoch(ctx.store, true, { op: 'check', key: '/none', expect: 0 });
  const quarantine = quarantineChange({ digest: DIGEST, actual: DIGEST, size: 0, found: '' });
  const own = [
    ...(await ctx.store.list('/')).entries.map(({ key }) => key),
    leaseKey(DIGEST),
    markKey(DIGEST),
    SINCE,
    'key' in quarantine ? quarantine.key : '',
  ];
  assert.ok(own.some((key) => key.endsWith('/epoch')));
  const kept = [...imageResources, ...clusterResources].flatMap((resource) => resource.kept?.prefix ?? []);
  const others = [...new Set([...kept, COLLECT_PREFIX, OWNED_PREFIX, DESCRIPTIONS, LINKS, REFERENCES])];
  for (const key of own) for (const prefix of others) assert.ok(!key.startsWith(prefix), `${key} is below ${prefix}`);
  for (const one of others) {
    for (const other of others) assert.ok(one === other || !one.startsWith(other), `${one} is below ${other}`);
  }
  await trial.close();
});
