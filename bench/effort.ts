/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** Seconds of each read measure. */
  readonly seconds: number;
  /** Size of the large blob. */
  readonly layerMiB: number;
  /** Tags of the repository whose tags are listed. */
  readonly tags: number;
  readonly streams: number;
  readonly mappings: number;
  /** Starts of each kind. */
  readonly starts: number;
}

/** About a minute. */
export const QUICK: Effort = {
  rounds: 1,
  seconds: 2,
  layerMiB: 512,
  tags: 10_000,
  streams: 10_000,
  mappings: 3_000,
  starts: 3,
};
/** Less than eight minutes. */
export const FULL: Effort = {
  rounds: 3,
  seconds: 5,
  layerMiB: 1024,
  tags: 10_000,
  streams: 10_000,
  mappings: 9_000,
  starts: 7,
};
