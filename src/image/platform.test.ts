import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseChild, formatPlatform, parsePlatform } from './platform.ts';

test('platforms are parsed and printed', () => {
  for (const text of ['linux/amd64', 'linux/arm/v7', 'windows/amd64', 'wasip1/wasm']) {
    const platform = parsePlatform(text);
    assert.ok(platform);
    assert.equal(formatPlatform(platform), text);
  }
  assert.deepEqual(parsePlatform('linux/x86_64'), { os: 'linux', architecture: 'amd64' });
  assert.deepEqual(parsePlatform('linux/aarch64/v8'), { os: 'linux', architecture: 'arm64', variant: 'v8' });
  assert.deepEqual(parsePlatform('linux/armhf'), { os: 'linux', architecture: 'arm', variant: 'v7' });
  assert.deepEqual(parsePlatform('linux/constructor'), { os: 'linux', architecture: 'constructor' });
  for (const text of ['', 'linux', 'linux/', '/amd64', 'a/b/c/d', 'linux/am d64', 'linux/arm/']) {
    assert.equal(parsePlatform(text), undefined, text);
  }
});

const child = (os: string, architecture: string, variant?: string) => ({
  platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
});
const arm = child('linux', 'arm64');
const amd = child('linux', 'amd64');
const win = child('windows', 'amd64');
const bare = { platform: undefined };
const own = { os: 'linux', architecture: 'arm64' };

test('one child stands for a list', () => {
  assert.equal(chooseChild([], {}, own), undefined);
  assert.equal(chooseChild([amd, arm, win], {}, own), arm);
  assert.equal(chooseChild([amd, win], {}, own), amd);
  assert.equal(chooseChild([win, bare], {}, own), win);
  assert.equal(chooseChild([bare, win], {}, own), bare);
  assert.equal(chooseChild([amd, arm, win], { os: 'windows', architecture: 'amd64' }, own), win);
  assert.equal(chooseChild([arm, amd, win], { os: 'windows' }, own), amd, 'windows/arm64 is not there');
  assert.equal(chooseChild([arm, amd], { architecture: 'amd64', os: '' }, own), amd);
  const [v6, v7] = [child('linux', 'arm', 'v6'), child('linux', 'arm', 'v7')];
  assert.equal(chooseChild([v6, v7], { architecture: 'arm' }, own), v6);
});
