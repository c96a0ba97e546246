/**
 * Clients that push, tag, move and delete while garbage is collected without any grace, and every step of each may be
 * overtaken by any step of the others. Whatever a client was told is stored must be there, whole, at any time; and when
 * all is over nothing may be left that nobody needs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { type Random, randomFrom } from '../../test/crash/random.ts';
import { type Digest, digestOf } from '../image/digest.ts';
import { isProblem } from '../objects/errors.ts';
import { CommitConflict } from '../store/store.ts';
import { deleteManifest, deleteTag } from '../streams/deletion.ts';
import { ManifestReferencesMissing } from '../streams/push.ts';
import { readableBlob, resolveDigest, resolveTag } from '../streams/repository.ts';
import { collectGarbage } from './collector.ts';
import { LEASE, type Made, made, madeIndex, openTrial, subjectOf, type Trial } from './trial.ts';

const CLIENTS = 3;
const STEPS = 10;
/** Layers that all images are made of: the fewer, the more often one is deleted while another needs it. */
const LAYERS = ['a', 'b', 'c'];
const TAGS = ['x', 'y'] as const;

/** One client, who alone writes to its repository, and what it was told. */
class Client {
  readonly repo: { readonly namespace: string; readonly stream: string };
  readonly tags = new Map<string, Made>();
  readonly roots = new Map<Digest, Made>();
  readonly #trial: Trial;
  readonly #random: Random;

  constructor(trial: Trial, random: Random, number: number) {
    this.#trial = trial;
    this.#random = random;
    this.repo = { namespace: 'dev', stream: `s${number}` };
  }

  #image(): Made {
    const layers = LAYERS.filter(() => this.#random.chance(0.5));
    return made(`image ${this.#random.between(0, 2)}`, layers);
  }

  async step(): Promise<void> {
    const { ctx } = this.#trial;
    const tag = this.#random.pick(TAGS);
    switch (this.#random.between(0, 5)) {
      case 0:
      case 1:
        return this.#push(this.#image(), tag);
      case 2:
        return this.#push(madeIndex([this.#image(), this.#image()]), tag);
      case 3: {
        const image = this.#image();
        await this.#push(image, undefined);
        return;
      }
      case 4:
        this.tags.delete(tag);
        await deleteTag(ctx, this.repo, tag);
        return;
      default: {
        const [image] = [...this.roots.values(), ...this.tags.values()];
        if (!image) return;
        this.#forget(image);
        await deleteManifest(ctx, this.repo, image.digest);
      }
    }
  }

  #forget(image: Made): void {
    const goes = (other: Made): boolean => other.digest === image.digest || other.children.some(goes);
    for (const [tag, each] of this.tags) if (goes(each)) this.tags.delete(tag);
    for (const [digest, each] of this.roots) if (goes(each)) this.roots.delete(digest);
    // What the image held was pushed by digest too, and goes with it.
    for (const child of image.children) this.roots.delete(child.digest);
  }

  async #push(image: Made, tag: string | undefined): Promise<void> {
    try {
      await this.#trial.push(this.repo, image, tag);
    } catch (error) {
      // The push took longer than a lease: the client is told so, and would begin again.
      const late = error instanceof ManifestReferencesMissing || error instanceof CommitConflict;
      if (late || isProblem(error, 'Conflict')) return;
      throw error;
    }
    if (tag !== undefined) {
      this.tags.set(tag, image);
      // A tag takes over what was pushed by digest, and the children of its index.
      for (const each of [image, ...image.children]) this.roots.delete(each.digest);
    } else this.roots.set(image.digest, image);
  }

  /** Holds what is there against what the client was told. */
  async verify(): Promise<void> {
    const { ctx } = this.#trial;
    for (const image of this.roots.values()) await this.#isWhole(image);
    for (const [tag, image] of this.tags) {
      assert.equal((await resolveTag(ctx, this.repo, tag))?.digest, image.digest, `${this.repo.stream}:${tag}`);
      await this.#isWhole(image);
    }
  }

  async #isWhole({ digest, blobs, children }: Made): Promise<void> {
    const { ctx, content } = this.#trial;
    assert.ok(await resolveDigest(ctx, this.repo, digest), `manifest ${digest}`);
    assert.ok(content.blobs.has(digest), `bytes of manifest ${digest}`);
    for (const blob of blobs) {
      const name = digestOf(blob);
      assert.ok((await readableBlob(ctx, this.repo, name)) !== undefined, `blob ${name} of ${digest}`);
      assert.ok(content.blobs.has(name), `bytes of blob ${name} of ${digest}`);
    }
    for (const child of children) await this.#isWhole(child);
  }
}

async function run(seed: number): Promise<void> {
  const random = randomFrom(seed);
  let calm = false;
  const pause = async (): Promise<void> => {
    if (!calm) for (let turns = random.between(0, 3); turns > 0; turns--) await turn();
  };
  const trial = openTrial({ pause });
  const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(trial, random, number));
  let working = CLIENTS;
  const work = clients.map(async (client) => {
    for (let step = 0; step < STEPS; step++) {
      await client.step();
      // Leases run out in the middle of pushes.
      trial.pass(random.between(0, LEASE / 3));
      await client.verify();
    }
    working -= 1;
  });
  const collect = async (): Promise<void> => {
    while (working > 0) {
      await collectGarbage(trial.ctx, { graceSeconds: 0, dryRun: false });
      await turn();
    }
  };
  await Promise.all([...work, collect(), collect()]);
  calm = true;
  trial.pass(2 * LEASE);
  await trial.collect();
  for (const client of clients) await client.verify();
  assert.deepEqual((await trial.collect()).findings, []);
  assert.deepEqual((await trial.ctx.store.list('/collecting/marks/')).entries, []);
  await trial.close();
}

test('collecting and pushing in any order loses nothing and leaves nothing', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(), run), {
    numRuns: Number(process.env.INTERLEAVINGS ?? 5),
    endOnFailure: true,
  });
});

test('the same for an image whose signatures are pushed meanwhile', async () => {
  const trial = openTrial();
  const image = made('signed', ['a']);
  await trial.push({ namespace: 'dev', stream: 'app' }, image, 'x');
  const signature = made('signature', ['b'], subjectOf(image));
  await Promise.all([trial.push({ namespace: 'dev', stream: 'app' }, signature), trial.collect()]);
  trial.pass(2 * LEASE);
  await trial.collect();
  assert.ok(trial.content.blobs.has(signature.digest));
  await trial.close();
});
