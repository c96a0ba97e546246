/**
 * Content that is read whole is held against its digest the first time that this process reads it: a disk may have
 * changed what it was given. What does not fit breaks off before its last bytes, so that nobody takes it for whole.
 */
import { createHash, type Hash } from 'node:crypto';
import { type Digest, digestAlgorithm, digestHex } from '../image/digest.ts';
import { VERIFIED_BLOBS } from '../limits.ts';
import { type BlobBody, type Blobs, type BlobStream, BlobsUnavailable } from './blobs.ts';
import { inPieces } from './pieces.ts';

