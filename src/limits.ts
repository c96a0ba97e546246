/**
 * Every limit of Headgate: its name, its unit and why it is what it is. A limit that a client can hit is answered with
 * the protocol's own refusal, never by cutting silently.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of one request body of the Kubernetes API: etcd's and kube-apiserver's own 3 MiB. */
export const API_BODY_BYTES = 3 * MiB;
/** Nesting of JSON that is accepted in any body, manifest or config. */
export const JSON_DEPTH = 32;
/** Operations of one JSON patch, as in kube-apiserver. */
export const JSON_PATCH_OPERATIONS = 10_000;
/** Characters of a fieldManager, as in kube-apiserver. */
export const FIELD_MANAGER_CHARACTERS = 128;

/** Bytes of one manifest; the OCI specification asks for at least 4 MiB. */
export const MANIFEST_BYTES = 4 * MiB;
/** Bytes of an image config that is read to fill an Image; larger ones are kept but not looked into. */
export const CONFIG_BYTES = 4 * MiB;
/** Layers of one image. */
export const MANIFEST_LAYERS = 512;
/** Children of one index. */
export const INDEX_CHILDREN = 256;

/** Changes of one commit: etcd's default for a transaction, kept by every driver. */
export const COMMIT_CHANGES = 128;
/** Bytes of all keys and values of one commit: etcd's default for a request, kept by every driver. */
export const COMMIT_BYTES = 1.5 * MiB;
/** Bytes of a manifest or config that is kept inside its Image; larger ones are blobs that the Image names. */
export const INLINE_TEXT_BYTES = 128 * KiB;

/** Bytes of a piece in which blobs are moved: Node's 64 KiB defaults lose threefold (docs/performance.md). */
export const BLOB_PIECE_BYTES = 1 * MiB;
/** Bytes up to which a blob is read in one go instead of streamed. */
export const SMALL_BLOB_BYTES = 64 * KiB;
/** Bytes of small blobs (manifests above all) that are kept in memory. */
export const BLOB_CACHE_BYTES = 16 * MiB;

/** Objects of one page that is read from the store while a list is written. */
export const LIST_PAGE_OBJECTS = 500;
/** Bytes that may wait for a slow watcher; beyond, its watch is ended and it starts again. */
export const WATCH_BUFFER_BYTES = 8 * MiB;
/** Seconds after which a watch without timeoutSeconds ends; as kube-apiserver, a random time up to twice this. */
export const WATCH_SECONDS = 1800;
/** Seconds between two bookmarks of a watch that asked for them. */
export const WATCH_BOOKMARK_SECONDS = 60;

/** Tags of one answer of tags/list when the client names no number. */
export const TAGS_PAGE = 10_000;
/** Repositories of one answer of the catalogue when the client names no number. */
export const CATALOG_PAGE = 1_000;

/** Tries of a change that meets another writer, as the OpenShift API server does. */
export const CONFLICT_TRIES = 10;

/** Milliseconds that a driver may take to notice another process's commits to the same SQLite file. */
export const SQLITE_POLL_MS = 25;
/** Revisions that stay readable (watches, continue tokens) before compaction takes them. */
export const HISTORY_SECONDS = 600;

/** Seconds that requests may go on after SIGTERM. */
export const DRAIN_SECONDS = 10;
/** Seconds until an idle keep-alive connection is closed. */
export const KEEP_ALIVE_SECONDS = 120;
/** Seconds in which the headers of a request must arrive. */
export const HEADER_SECONDS = 30;
/** Seconds of silence after which an upload's connection is given up; the session stays. */
export const UPLOAD_IDLE_SECONDS = 120;
