/** A thread that checks bcrypt hashes: each takes tenths of a second. This file is both what starts it and what it runs. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Tells this thread from others. */
const MARK = 'headgate-bcrypt';

interface Question {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

interface Verdict {
  readonly id: number;
  readonly matches: boolean;
}

interface Waiting {
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

const waiting = new Map<number, Waiting>();
let thread: Worker | undefined;
let asked = 0;

/** Whether a password has this hash. The thread begins with the first question, and keeps no process alive. */
export function matchesBcrypt(password: string, hash: string): Promise<boolean> {
  thread ??= begin();
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const id = asked++;
  waiting.set(id, { resolve, reject });
  thread.ref();
  thread.postMessage({ id, password, hash } satisfies Question);
  return promise;
}

function begin(): Worker {
  const worker = new Worker(new URL(import.meta.url), { workerData: { [MARK]: true } });
  worker.on('message', ({ id, matches }: Verdict) => {
    waiting.get(id)?.resolve(matches);
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
  });
  worker.on('error', giveUp);
  worker.on('exit', () => giveUp(new Error('the thread that checks passwords has ended')));
  return worker;
}

/** The next question begins another thread. */
function giveUp(error: unknown): void {
  thread = undefined;
  const failed = error instanceof Error ? error : new Error(String(error));
  for (const { reject } of waiting.values()) reject(failed);
  waiting.clear();
}

async function answer(port: NonNullable<typeof parentPort>): Promise<void> {
  const { compareSync } = await import('bcryptjs');
  port.on('message', ({ id, password, hash }: Question) => {
    port.postMessage({ id, matches: compareSync(password, hash) } satisfies Verdict);
  });
}

if (!isMainThread && parentPort && workerData?.[MARK] === true) void answer(parentPort);
