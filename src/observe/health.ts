/** Whether the server works, in kube-apiserver's form (apiserver/pkg/server/healthz): kubelets and people know it. */
import { HEALTH_CHECK_MS } from '../limits.ts';

/** Something that must work. */
export interface HealthCheck {
  readonly name: string;
  /** Rejects, or takes longer than HEALTH_CHECK_MS, if it does not. */
  check(signal: AbortSignal): Promise<unknown>;
}

export interface HealthAnswer {
  readonly healthy: boolean;
  /** Plain text. */
  readonly body: string;
}

/** Without a single dependency: it says that the process answers. */
export const PING: HealthCheck = { name: 'ping', check: () => Promise.resolve() };

/**
 * Runs the checks. The answer says which have failed but not why, since anyone may ask; `failed` hears it.
 * @param endpoint the name in the last line, such as `readyz`.
 */
export async function askHealth(
  endpoint: string,
  checks: readonly HealthCheck[],
  query: URLSearchParams,
  failed: (name: string, error: unknown) => void,
): Promise<HealthAnswer> {
  const excluded = new Set(query.getAll('exclude').filter((name) => name !== ''));
  const outcomes = await Promise.all(
    checks.map(async (check) => {
      const { name } = check;
      if (excluded.delete(name)) return { line: `[+]${name} excluded: ok\n`, healthy: true };
      try {
        await inTime(check);
        return { line: `[+]${name} ok\n`, healthy: true };
      } catch (error) {
        failed(name, error);
        return { line: `[-]${name} failed: reason withheld\n`, healthy: false };
      }
    }),
  );
  const names = [...excluded].map((name) => JSON.stringify(name)).join(', ');
  const warning = names === '' ? '' : `warn: some health checks cannot be excluded: no matches for ${names}\n`;
  const lines = outcomes.map(({ line }) => line).join('') + warning;
  const healthy = outcomes.every((outcome) => outcome.healthy);
  if (!healthy) return { healthy, body: `${lines}${endpoint} check failed\n` };
  return { healthy, body: query.has('verbose') ? `${lines}${endpoint} check passed\n` : 'ok' };
}

/** The answer of a server that waits for one of its parts before it can begin. @param missing the part's name. */
export function notReady(endpoint: string, missing: string): string {
  return `[+]${PING.name} ok\n[-]${missing} failed: reason withheld\n${endpoint} check failed\n`;
}

async function inTime(check: HealthCheck): Promise<void> {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(`no answer within ${HEALTH_CHECK_MS} ms`));
    controller.abort();
  }, HEALTH_CHECK_MS);
  try {
    await Promise.race([check.check(controller.signal), promise]);
  } finally {
    clearTimeout(timer);
  }
}
