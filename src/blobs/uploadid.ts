/** How uploads are named. */
import { randomBytes } from 'node:crypto';
import type { UploadId } from './blobs.ts';

const FORM = /^[0-9a-f]{32}$/;

/** The text as an UploadId, or undefined if it has another form. */
export function parseUploadId(text: string): UploadId | undefined {
  return FORM.test(text) ? (text as UploadId) : undefined;
}

/** A new, random UploadId. */
export function newUploadId(): UploadId {
  return randomBytes(16).toString('hex') as UploadId;
}
