/** The rules that the changes of one commit keep with every driver. */
import { COMMIT_BYTES, COMMIT_CHANGES } from '../limits.ts';
import { checkKey } from './key.ts';
import { type Change, CommitTooLarge, StoreError } from './store.ts';

/**
 * Checks what can be known of a commit without looking at the store, and returns its bytes (keys and values).
 * @throws {CommitTooLarge}; {StoreError} if a key is no key, or one key would be put or deleted twice.
 */
export function checkChanges(changes: readonly Change[]): number {
  const fenced = changes[0]?.op === 'check' ? 1 : 0;
  if (changes.length > COMMIT_CHANGES + fenced) {
    throw new CommitTooLarge(`a commit of ${changes.length} changes: the most is ${COMMIT_CHANGES}`);
  }
  let bytes = 0;
  const touched = new Set<string>();
  for (const change of changes) {
    const key = change.op === 'deletePrefix' ? change.prefix : change.key;
    checkKey(key);
    bytes += Buffer.byteLength(key) + (change.op === 'put' ? change.value.length : 0);
    if (change.op === 'put' || change.op === 'delete') {
      if (key === '') throw new StoreError('the empty text is no key');
      if (touched.has(key)) throw new StoreError(`${key} is changed twice in one commit`);
      touched.add(key);
    }
  }
  if (bytes > COMMIT_BYTES) throw new CommitTooLarge(`a commit of ${bytes} bytes: the most is ${COMMIT_BYTES}`);
  checkPrefixes(changes);
  return bytes;
}

/** A put below a prefix that the same commit deletes has no order to go by; etcd refuses it too. */
function checkPrefixes(changes: readonly Change[]): void {
  for (const { prefix } of changes.filter((change) => change.op === 'deletePrefix')) {
    const put = changes.find((change) => change.op === 'put' && change.key.startsWith(prefix));
    if (put?.op === 'put') throw new StoreError(`${put.key} is put and, with ${prefix}, deleted in one commit`);
  }
}
