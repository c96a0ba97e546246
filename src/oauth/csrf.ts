/**
 * That a form was filled in on a page of this server: a secret in a cookie that other sites cannot read or set stands in the
 * form too.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { HttpRequest } from '../http/message.ts';

/** The prefix makes browsers keep it to this host, over HTTPS. */
const COOKIE = '__Host-headgate-csrf';
const SHAPE = /^[A-Za-z0-9_-]{43}$/;

/** The secret of this browser, a new one if it has none, and the header that sets it. */
export function csrfOf(req: HttpRequest): { readonly secret: string; readonly headers: { 'Set-Cookie': string } } {
  const secret = cookieOf(req) ?? randomBytes(32).toString('base64url');
  return { secret, headers: { 'Set-Cookie': `${COOKIE}=${secret}; Path=/; Secure; HttpOnly; SameSite=Lax` } };
}

/** Whether the secret of a form is that of the browser. */
export function hasCsrf(req: HttpRequest, given: string | null): boolean {
  const secret = cookieOf(req);
  if (secret === undefined || given === null || !SHAPE.test(given)) return false;
  return timingSafeEqual(Buffer.from(secret), Buffer.from(given));
}

function cookieOf(req: HttpRequest): string | undefined {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const [name, value = ''] = part.trim().split('=', 2);
    if (name === COOKIE && SHAPE.test(value)) return value;
  }
  return undefined;
}
