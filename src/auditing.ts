/** The audit trail of a server: what each edge tells, in one form and one place. */
import { randomUUID } from 'node:crypto';
import type { FailedAttempt } from './access/passwordlogin.ts';
import type { Config } from './config.ts';
import type { HttpRequest } from './http/message.ts';
import { type Audit, AuditTrail } from './observe/audit.ts';
import type { Logger } from './observe/logs.ts';
import type { AuditEntry } from './registry/server.ts';

/** The trail that the settings name; undefined if there is to be none. */
export function openAuditTrail(
  { auditLog: target }: Pick<Config, 'auditLog'>,
  now: () => Date,
  logger: Logger,
): AuditTrail | undefined {
  if (target === undefined) return undefined;
  const failed = (err: unknown, lost: number): void =>
    logger.error(
      { err, lost },
      `the audit trail cannot be written to ${target}; requests go on, and it is tried again`,
    );
  return new AuditTrail({ target, now, failed });
}

/** A login that failed, as a record. The name may be that of nobody. */
export function auditLogin(audit: Audit, { name, address, code }: FailedAttempt): void {
  audit({ edge: 'login', verb: 'login', user: name, from: address, code });
}

const VERBS: Readonly<Record<string, string>> = { GET: 'pull', HEAD: 'pull', DELETE: 'delete' };
const REPOSITORY = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//;

/** What the registry tells of a request, as a record. */
export function auditRegistry(audit: Audit, entry: AuditEntry, req: HttpRequest): void {
  const { user, method, path, status, code } = entry;
  const [, repository] = REPOSITORY.exec(path) ?? [];
  const { remoteAddress } = req.socket;
  audit({
    edge: 'registry',
    requestID: randomUUID(),
    ...(user !== '' && { user }),
    verb: VERBS[method] ?? 'push',
    ...(repository !== undefined && { repository }),
    path,
    ...(remoteAddress !== undefined && { from: remoteAddress }),
    code: status,
    ...(code !== undefined && { reason: code }),
  });
}
