/**
 * `npm run test:replicas -- 'test/e2e/push.test.ts' …`: runs tests against two replicas on etcd and S3 behind a balancer, where
 * they would start one server. Without names, those for which that can make a difference
 * and that do not look at files of the server.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startEtcd } from './etcd.ts';
import { getParts } from './parts.ts';
import { S3_CREDENTIALS, startS3 } from './s3server.ts';

const TESTS = ['test/e2e/{push,upload,clients,import,websocket,kubectl*}.test.ts', 'test/conformance/*.test.ts'];
TESTS.push('test/crash/crash.test.ts');

const named = process.argv.slice(2);
getParts((line) => console.log(`parts: ${line}`));
const etcd = await startEtcd({ program: 'etcd-3.6' });
const s3 = await startS3();
await s3.makeBucket('tests');
const child = spawn(
  process.execPath,
  [fileURLToPath(new URL('run.ts', import.meta.url)), ...(named.length > 0 ? named : TESTS)],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      ...S3_CREDENTIALS,
      TEST_REPLICAS: process.env.TEST_REPLICAS ?? '2',
      TEST_ETCD: etcd.endpoints.join(),
      TEST_S3: s3.endpoint,
    },
  },
);
const [code] = await once(child, 'close');
await Promise.all([etcd[Symbol.asyncDispose](), s3.stop()]);
process.exit(typeof code === 'number' ? code : 1);
