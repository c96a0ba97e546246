/**
 * Limits (limits.ts) of what several processes do together: workers of one machine, those who lead work in the background, and
 * the collection of garbage.
 */

/** Processes of `--workers`: several for each core gain nothing, and each takes some 100 MiB. */
export const WORKERS = 64;
/** Milliseconds after the start of a worker in which its end counts as a failure to start. */
export const WORKER_EARLY_MS = 2_000;
/** Milliseconds until a worker that failed to start is started again; doubled for each further failure. */
export const WORKER_PAUSE_MS = 100;
/** The most of these milliseconds. */
export const WORKER_MOST_PAUSE_MS = 5_000;
/** Milliseconds that a worker may take to tell what it has counted. */
export const WORKER_METRICS_MS = 1_000;
/** Milliseconds between two looks of a worker at what others have committed: what they are told of is rights, too. */
export const WORKER_POLL_MS = 5;
/** Milliseconds that requests wait for a process that has just been started, before they are told so. */
export const START_PATIENCE_MS = 3_000;

/** Seconds of a leader's silence after which whoever else wants to lead asks whether it is still there. */
export const LEAD_ASK_SECONDS = 5;
/** Seconds in which it must have answered; then another leads. */
export const LEAD_ANSWER_SECONDS = 10;
/** Milliseconds between two looks of those who want to lead, and of a leader for which the store was away. */
export const LEAD_LOOK_MS = 500;

/** Seconds until a run begins that somebody has asked for. */
export const COLLECTION_SOON_SECONDS = 2;
/** Seconds until such a run is tried again that could not be done. */
export const COLLECTION_RETRY_SECONDS = 30;
/** Seconds after its start at which a server collects for the first time, if that is less. */
export const COLLECTION_FIRST_SECONDS = 60;
/** Seconds that a run which is asked for waits for others to end: several times what a dead leader is waited for. */
export const COLLECTION_PATIENCE_SECONDS = 60;
/** Milliseconds for which a run goes through what is in memory before it lets requests be answered. */
export const SURVEY_STRETCH_MS = 4;
/** Rounds in which a run looks again, when writers have taken something away from it. */
export const COLLECTION_ROUNDS = 5;
/** Seconds after which content that is being deleted counts as abandoned by a process that died. */
export const SWEEP_STALE_SECONDS = 15;
/** Seconds that a writer waits until content is deleted that it would write anew; then it is told to try again. */
export const SWEEP_WAIT_SECONDS = 8;
/** Marks of which a process remembers when it has first seen them. */
export const MARKS_KNOWN = 10_000;
/** Blobs that are deleted at the same time: each waits for the disk, or for S3. */
export const DELETIONS_AT_ONCE = 16;
/** Milliseconds between its looks. */
export const SWEEP_POLL_MS = 20;
/** Seconds for which content stays that a client was told is there, or has uploaded, before anything refers to it. */
export const CONTENT_LEASE_SECONDS = 3600;
/**
 * Seconds of grace from which on new content needs no lease before it is there: within them its first reference has long
 * been committed.
 */
export const ARRIVAL_GRACE_SECONDS = 60;
/** Leases that a process remembers, so that asking for the same content again writes nothing. */
export const LEASES_KEPT = 20_000;
/** Blobs of one page of the list of all content. */
export const BLOB_LIST_PAGE = 1_000;
