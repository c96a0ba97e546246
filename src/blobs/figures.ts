/** What the blobs tell of their own work, for metrics. */
export interface BlobFigures {
  /** A request of S3 ended, with all its tries: `read`, `write`, `look`, `delete`, `list`, `begin`, `finish`, `drop` or `sign`. */
  asked(operation: string, outcome: 'ok' | 'failed', seconds: number): void;
}
