/** Debian's docker-registry as another registry on 127.0.0.1, with everything in memory. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from './http.ts';
import { part } from './parts.ts';
import { freePort } from './ports.ts';
import { temporaryFolder } from './program.ts';
import { putManifest, type Registry, uploadInPieces } from './registry.ts';
import type { TinyImage } from './tinyimage.ts';

export interface Distribution {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Puts an image, or an index of these children, under a tag. */
  push(repository: string, tag: string, image: TinyImage, children?: readonly TinyImage[]): Promise<void>;
  kill(): void;
}

/** Starts it on a free port; resolves when it answers. It does not outlive this process. */
export async function startDistribution(): Promise<Distribution> {
  const host = `127.0.0.1:${await freePort()}`;
  const config = join(temporaryFolder(), 'config.yml');
  writeFileSync(config, `version: 0.1\nlog: {level: error}\nstorage: {inmemory: {}}\nhttp: {addr: "${host}"}\n`);
  // It takes every variable that begins with REGISTRY_ for a setting of its own.
  const environment = { PATH: process.env.PATH, OTEL_TRACES_EXPORTER: 'none' };
  const child = spawn(part('docker-registry'), ['serve', config], { stdio: 'ignore', env: environment });
  process.on('exit', () => child.kill('SIGKILL'));
  const registry: Registry = { url: `http://${host}`, token: '' };
  for (let tries = 0; tries < 200 && child.exitCode === null; tries++) {
    const answer = await ask(`http://${host}/v2/`).catch(() => undefined);
    if (answer?.status === 200) return { host, push: pushTo(registry), kill: () => void child.kill('SIGKILL') };
    await pause(50);
  }
  throw new Error(`docker-registry does not answer on ${host}`);
}

function pushTo(registry: Registry): Distribution['push'] {
  const put = async (repository: string, reference: string, { blobs, manifest, mediaType }: TinyImage) => {
    // It knows no upload in one request.
    for (const blob of blobs) await uploadInPieces(registry, repository, blob, blob.length);
    await putManifest(registry, repository, reference, manifest, mediaType);
  };
  return async (repository, tag, image, children = []) => {
    for (const child of children) await put(repository, child.digest, child);
    await put(repository, tag, image);
  };
}
