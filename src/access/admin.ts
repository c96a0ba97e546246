/** The administrator that an installation begins with: a token in a file, whose hash the store holds. */
import { join } from 'node:path';
import { apiTime } from '../objects/object.ts';
import { createPrivateFile, readPrivateFile, replacePrivateFile, UnusableFile } from './privatefile.ts';
import { type AccessTokens, isAccessToken, newAccessToken } from './tokens.ts';
import { MASTERS } from './user.ts';

/** The user that the token stands for. */
export const ADMIN = 'admin';

/** Where the token is, under DATA. */
export function adminTokenFile(data: string): string {
  return join(data, 'admin.token');
}

/**
 * The token of DATA, or undefined if there is none.
 * @throws {UnusableFile} if the file holds something else.
 */
export function readAdminToken(data: string): string | undefined {
  const file = adminTokenFile(data);
  const text = readPrivateFile(file);
  return text === undefined ? undefined : tokenIn(file, text);
}

/**
 * The token of DATA, made if there is none, and sure to be known to the store: after a restart, or when the store has
 * been lost or exchanged, the same file still works.
 * @throws {UnusableFile}; {StoreError}; errors of the file system as they are.
 */
export async function openAdminToken(data: string, tokens: AccessTokens, now: Date): Promise<string> {
  const file = adminTokenFile(data);
  const token = readAdminToken(data) ?? tokenIn(file, createPrivateFile(file, `${newAccessToken()}\n`));
  if (!(await tokens.find(token))) {
    await tokens.keep(token, { user: ADMIN, groups: [MASTERS], created: apiTime(now) });
  }
  return token;
}

/**
 * Gives DATA another token; the one before is worth nothing from then on, in any process.
 * @param share is told the new token before the old one ends, so that no server is given that any more.
 * @throws {UnusableFile}; {StoreError}; errors of the file system as they are.
 */
export async function rotateAdminToken(
  data: string,
  tokens: AccessTokens,
  now: Date,
  share: (token: string) => Promise<void> = async () => undefined,
): Promise<string> {
  const old = readAdminToken(data);
  const token = newAccessToken();
  await share(token);
  await tokens.exchange(old, token, { user: ADMIN, groups: [MASTERS], created: apiTime(now) });
  replacePrivateFile(adminTokenFile(data), `${token}\n`);
  return token;
}

function tokenIn(file: string, text: string): string {
  const token = text.trim();
  if (isAccessToken(token)) return token;
  throw new UnusableFile(
    file,
    'holds no token: restore it from a backup, or delete it to get a new one at the next start',
  );
}
