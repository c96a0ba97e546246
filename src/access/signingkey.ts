/** The key with which tokens of service accounts are signed. It is in the store, so that all replicas have the same. */
import type { CryptoKey, JWK } from 'jose';
import { CommitConflict, type Store } from '../store/store.ts';

/** Loaded when the first token is met: it takes longer than all the rest of a start. */
export function loadJose(): Promise<typeof import('jose')> {
  return import('jose');
}

const KEY = '/signingkeys/serviceaccounts';
export const SIGNING_ALGORITHM = 'ES256';

export interface SigningKey {
  /** Tells keys apart (a token's `kid`). */
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

/** The key of a store; undefined if none was ever needed. @throws {StoreError} */
export async function readSigningKey(store: Store): Promise<SigningKey | undefined> {
  const entry = await store.get(KEY);
  return entry && keyOf(JSON.parse(entry.value.toString()) as JWK);
}

/** The key of a store, made if there is none. @throws {StoreError} */
export async function openSigningKey(store: Store, newId: () => string): Promise<SigningKey> {
  const { exportJWK, generateKeyPair } = await loadJose();
  for (;;) {
    const found = await readSigningKey(store);
    if (found) return found;
    const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid: newId() };
    try {
      await store.commit([{ op: 'put', key: KEY, value: Buffer.from(JSON.stringify(jwk)), expect: 0 }]);
    } catch (error) {
      // Another process made one at this moment: its key it is.
      if (!(error instanceof CommitConflict)) throw error;
    }
  }
}

async function keyOf(jwk: JWK): Promise<SigningKey> {
  const { d: _secret, ...open } = jwk;
  const [privateKey, publicKey] = await Promise.all([imported(jwk), imported(open)]);
  return { id: jwk.kid ?? '', privateKey, publicKey };
}

async function imported(jwk: JWK): Promise<CryptoKey> {
  const { importJWK } = await loadJose();
  const key = await importJWK(jwk, SIGNING_ALGORITHM);
  if (key instanceof Uint8Array) throw new Error('a key for ES256 is no secret of bytes');
  return key;
}
