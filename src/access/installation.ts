/**
 * What makes several servers one installation to their clients: the certificate authority and the administrator's token.
 * Where servers do not share a data folder they share these through the store: the first one's become everyone's.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CommitConflict, type Store } from '../store/store.ts';
import { adminTokenFile, readAdminToken } from './admin.ts';
import { createPrivateFile, readPrivateFile, replacePrivateFile } from './privatefile.ts';
import { accessTokenKey, newAccessToken } from './tokens.ts';

const KEY = '/installation';

/** As it is stored: PEM, and the token as clients send it. */
interface Installation {
  readonly authority: { readonly key: string; readonly certificate: string };
  readonly adminToken: string;
}

/**
 * Makes the authority under `tls` of the data folder that of the installation, and brings the administrator's token unless
 * the folder holds another one that is good: one that was rotated meanwhile is good no more. The folder must hold an
 * authority. Whether it was another before: what it has issued is then to be made anew.
 * @throws {StoreError}; {UnusableFile}; errors of the file system as they are.
 */
export async function joinInstallation(store: Store, data: string): Promise<boolean> {
  const own = ownOf(data);
  const { authority, adminToken } = await sharedOf(store, own);
  const token = readAdminToken(data);
  if (token === undefined) createPrivateFile(adminTokenFile(data), `${adminToken}\n`);
  else if (token !== adminToken && !(await store.get(accessTokenKey(token)))) {
    replacePrivateFile(adminTokenFile(data), `${adminToken}\n`);
  }
  if (authority.key === own.authority.key) return false;
  // In an order in which any prefix can be gone on with: a key without its certificate is a beginning (authority.ts).
  const [keyFile, certificateFile] = filesOf(data);
  rmSync(certificateFile, { force: true });
  replacePrivateFile(keyFile, authority.key);
  replacePrivateFile(certificateFile, authority.certificate);
  return true;
}

/** Makes another token that of the installation, if there is one: servers that start from now on are given it. */
export async function shareAdminToken(store: Store, adminToken: string): Promise<void> {
  const entry = await store.get(KEY);
  if (!entry) return;
  const changed: Installation = { ...(JSON.parse(entry.value.toString()) as Installation), adminToken };
  await store.commit([{ op: 'put', key: KEY, value: Buffer.from(JSON.stringify(changed)), expect: entry.revision }]);
}

function filesOf(data: string): readonly [string, string] {
  return [join(data, 'tls', 'ca.key'), join(data, 'tls', 'ca.crt')];
}

function ownOf(data: string): Installation {
  const [key = '', certificate = ''] = filesOf(data).map(readPrivateFile);
  return { authority: { key, certificate }, adminToken: readAdminToken(data) ?? newAccessToken() };
}

/** The installation of a store; ours, if it has none. */
async function sharedOf(store: Store, own: Installation): Promise<Installation> {
  for (;;) {
    const entry = await store.get(KEY);
    if (entry) return JSON.parse(entry.value.toString()) as Installation;
    try {
      await store.commit([{ op: 'put', key: KEY, value: Buffer.from(JSON.stringify(own)), expect: 0 }]);
      return own;
    } catch (error) {
      // Another server was first: it is one of its installation.
      if (!(error instanceof CommitConflict)) throw error;
    }
  }
}
