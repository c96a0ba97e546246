/** What of a request goes into the audit trail. */
import { realCaller } from '../access/impersonation.ts';
import type { User } from '../access/user.ts';
import type { HttpRequest } from '../http/message.ts';
import type { AuditRecord } from '../observe/audit.ts';
import type { Reply } from './exchange.ts';
import type { RequestInfo } from './route.ts';

const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Whether a request may change something. */
export function isWrite({ method }: HttpRequest): boolean {
  return WRITES.has(method ?? '');
}

/** Groups in which nothing is kept: what is posted to them is a question. */
const QUESTIONS: ReadonlySet<string> = new Set([
  'authentication.k8s.io',
  'authorization.k8s.io',
  'authorization.openshift.io',
]);

/** Whether a request that was answered well has changed something, or could have. */
export function isChange(req: HttpRequest, about: RequestInfo | undefined): boolean {
  return isWrite(req) && !(about?.isResource && QUESTIONS.has(about.group));
}

/** Whether a status says that somebody was not let. */
export function isDenial(code: number): boolean {
  return code === 401 || code === 403 || code === 429;
}

/** The record of a request that has been answered. */
export function recordOf(
  { req, auditId }: Pick<Reply, 'req' | 'auditId'>,
  user: User | undefined,
  info: RequestInfo | undefined,
  code: number,
  reason?: string,
): AuditRecord {
  const url = req.url ?? '/';
  const real = user && realCaller(user);
  const { remoteAddress } = req.socket;
  return {
    edge: 'kube',
    requestID: auditId,
    ...(user && { user: user.name }),
    ...(real && { impersonator: real.name }),
    verb: info?.verb ?? (req.method ?? '').toLowerCase(),
    ...(info?.isResource ? resourceOf(info) : { path: url.split('?', 1)[0] ?? '' }),
    ...(/[?&]dryRun=All/.test(url) && { dryRun: true as const }),
    ...(remoteAddress !== undefined && { from: remoteAddress }),
    code,
    ...(reason !== undefined && { reason }),
  };
}

function resourceOf({ group, resource, subresource, namespace, name }: RequestInfo): Partial<AuditRecord> {
  return {
    ...(group && { group }),
    resource,
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
    ...(name && { name }),
  };
}
