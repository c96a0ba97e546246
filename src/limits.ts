/**
 * Every limit of Headgate: its name, its unit and why it is what it is. A limit that a client can hit is answered with
 * the protocol's own refusal, never by cutting silently.
 */

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bytes of one request body of the Kubernetes API: etcd's and kube-apiserver's own 3 MiB. */
export const API_BODY_BYTES = 3 * MiB;
/** Seconds within which a body of the Kubernetes edge must have come. */
export const API_BODY_SECONDS = 60;
/** Nesting of JSON that is accepted in any body, manifest or config. */
export const JSON_DEPTH = 32;
/** Operations of one JSON patch, as in kube-apiserver. */
export const JSON_PATCH_OPERATIONS = 10_000;
/** Bytes of one request body that is YAML rather than JSON: its parser takes a third of a second for so much. */
export const API_YAML_BYTES = 128 * KiB;
/** Aliases that a YAML body may hold; what they stand for counts each time, so that few cannot stand for much. */
export const YAML_ALIASES = 100;
/** Unknown or repeated members of one body that are reported, as in kube-apiserver. */
export const REPORTED_FIELDS = 100;
/** Bytes of all annotations of an object together, as in kube-apiserver. */
export const ANNOTATIONS_BYTES = 256 * KiB;
/** Seconds after which a client may try again when the store or the blobs are full or away. */
export const STORAGE_RETRY_SECONDS = 5;
/** Characters of a quantity, such as `500Mi`: real ones have less than thirty. */
export const QUANTITY_CHARACTERS = 256;
/** Powers of ten that a quantity may be written with, up or down. */
export const QUANTITY_EXPONENT = 200;
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
/** Characters of an image reference that is looked at; a valid one has about 530 (name 255, tag 128, sha512 digest). */
export const REFERENCE_CHARACTERS = 4096;

/**
 * Changes of one commit, kept by every driver: etcd's default for a transaction is 128, and its driver adds two. One check
 * more is allowed: the one with which a leader's commits are fenced (src/store/leadership.ts).
 */
export const COMMIT_CHANGES = 126;
/** Bytes of a request that etcd takes by default. */
export const ETCD_REQUEST_BYTES = 1.5 * MiB;
/** Bytes of all keys and values of one commit, kept by every driver: leaves room in etcd's request for what it repeats. */
export const COMMIT_BYTES = ETCD_REQUEST_BYTES - 128 * KiB;

/** Bytes of a piece in which blobs are moved: Node's 64 KiB defaults lose threefold (docs/performance.md). */
export const BLOB_PIECE_BYTES = 1 * MiB;
/** Bytes up to which a blob is read in one go instead of streamed. */
export const SMALL_BLOB_BYTES = 64 * KiB;
/** Chunks that are gathered into one piece of an upload at most, however small they are: bounds what they hold on to. */
export const BLOB_PIECE_CHUNKS = 256;
/** Bytes of an upload after which their way to the disk is started, so that the sync of its commit is short. */
export const BLOB_WRITEBACK_BYTES = 64 * MiB;
/** Uploads whose running hash is kept (about 1 KiB each); the content of others is read again at their commit. */
export const UPLOAD_HASHES = 1_000;
/** Blobs of which a process remembers that it has looked at all of them, about 200 bytes each. */
export const VERIFIED_BLOBS = 50_000;
/** Seconds for which it takes that for granted: disks also change what nobody has touched. */
export const VERIFIED_SECONDS = 24 * 3600;
/** Small blobs of which a process remembers that their names are on the disk, about 200 bytes each. */
export const DURABLE_BLOBS = 20_000;
/** Bytes of small blobs (manifests above all) that are kept in memory. */
export const BLOB_CACHE_BYTES = 16 * MiB;

/** Bytes of one part of an upload to S3: at least 5 MiB by its rules, all the same size by some servers'. */
export const S3_PART_BYTES = 16 * MiB;
/** Parts that S3 makes one object of: with the part size above, a blob may have 156 GiB. */
export const S3_PARTS = 10_000;
/** Parts of one upload that are on their way to S3 at the same time, while the next one comes in. */
export const S3_PARTS_AT_ONCE = 2;
/** Parts of all uploads that are held in memory; with more under way, uploads wait for each other. */
export const S3_PARTS_HELD = 16;
/** Parts after which what an upload holds is recorded, so that so much is sent again at most after a crash. */
export const S3_CHECKPOINT_PARTS = 4;
/** Connections to an S3 endpoint. */
export const S3_CONNECTIONS = 128;
/** Blobs that "headgate blobs copy" copies at the same time. */
export const COPY_BLOBS_AT_ONCE = 4;
/** Milliseconds in which a connection to S3 must be made. */
export const S3_CONNECT_MS = 2_000;
/** Milliseconds in which S3 must have answered one try of a request; large bodies have longer. */
export const S3_TRY_MS = 4_000;
/** Milliseconds after the first in which no further try is begun: a client must hear of a failure within 10 s. */
export const S3_PATIENCE_MS = 5_500;
/** Bytes a second that S3 must take or give at least. */
export const S3_SLOWEST_BYTES = 256 * KiB;
/** Bytes a second that a server must copy at least when it makes one object of parts. */
export const S3_SLOWEST_COPY_BYTES = 64 * MiB;
/** Tries of a request that S3 could not answer for the moment. */
export const S3_TRIES = 4;
/** Milliseconds before the second try at most (a random part of it is waited); doubled for each further one. */
export const S3_RETRY_MS = 200;
/** Further tries that all requests together may make in a row; each success gives back a tenth of one. */
export const S3_RETRY_BUDGET = 60;
/** Blobs of which is kept in memory under which key their content lies (about 300 bytes each). */
export const S3_LOCATIONS_KEPT = 20_000;
/** Bytes of memory of a connection to S3 into which what is read comes: a quarter of it takes a third more CPU. */
export const S3_DOWNLOAD_BUFFER_BYTES = 1 * MiB;
/** Connections to S3 for reading that are kept for the next read. */
export const S3_IDLE_CONNECTIONS = 16;
/** Milliseconds that they are kept. */
export const S3_IDLE_MS = 5_000;
/** Signed addresses that are kept for the next read of the same content (about 1 KiB each). */
export const S3_ADDRESSES_KEPT = 2_000;
/** Seconds that a client may use an address at S3 that it was sent to. */
export const S3_REDIRECT_SECONDS = 1200;
/** Seconds after which a commit that was begun and not ended counts as that of a dead process. */
export const S3_COMMIT_SECONDS = 3600;

/** Objects of one page that is read from the store while a list is written. */
export const LIST_PAGE_OBJECTS = 500;
/** Bytes of a list that are gathered before it is sent in pieces; a smaller one is sent whole. */
export const LIST_BUFFER_BYTES = 1 * MiB;
/** Bytes of a list from which on it is compressed for clients that take that, as in kube-apiserver. */
export const GZIP_BYTES = 128 * KiB;
/** Bytes of one page of a list with a limit: where it comes to more, the page holds fewer objects and says how to go on. */
export const LIST_PAGE_BYTES = 16 * MiB;
/** Bytes of a page that is read from the store for a list; where objects are larger, fewer are read at a time. */
export const LIST_READ_BYTES = 4 * MiB;
/** Bytes that may wait for a slow watcher; beyond, its watch is ended and it starts again. */
export const WATCH_BUFFER_BYTES = 8 * MiB;
/** Seconds after which a watch without timeoutSeconds ends; as kube-apiserver, a random time up to twice this. */
export const WATCH_SECONDS = 1800;
/** Seconds between two bookmarks of a watch that asked for them. */
export const WATCH_BOOKMARK_SECONDS = 60;

/** Bytes of one frame that a client may send over a WebSocket; watches read nothing but pings and goodbyes. */
export const WEBSOCKET_FRAME_BYTES = 64 * KiB;
/** Seconds that a client has to say goodbye in turn. */
export const WEBSOCKET_CLOSE_SECONDS = 2;

/** Different Accept headers whose meaning is remembered. */
export const NEGOTIATIONS_KEPT = 256;
/** Characters of all warnings of one answer together, as in kube-apiserver. */
export const WARNINGS_CHARACTERS = 4096;
/** Characters of one warning where all together are too long, as in kube-apiserver. */
export const WARNING_CHARACTERS = 256;

/** Tags of one answer of tags/list when the client names no number. */
export const TAGS_PAGE = 10_000;
/** Characters of names of tags that are kept in memory: those of some thirty repositories of 10,000 tags. */
export const TAG_NAMES_CHARACTERS = 16 * MiB;
/** Tags of a repository whose names are kept so; of a larger one they are read page by page. */
export const TAG_NAMES_KEPT = 100_000;
/** Repositories of one answer of the catalogue when the client names no number. */
export const CATALOG_PAGE = 1_000;

/** Namespaces whose LimitRanges and quotas are remembered. */
export const RESTRICTIONS_KEPT = 10_000;
/** Tries of a change that meets another writer, as the OpenShift API server does. */
export const CONFLICT_TRIES = 10;

/** Milliseconds that a driver may take to notice another process's commits to the same SQLite file. */
export const SQLITE_POLL_MS = 25;
/** Changes of one SQLite transaction (a larger single commit goes alone): bounds how long other work waits for it. */
export const SQLITE_GROUP_CHANGES = 256;
/** Bytes of one SQLite transaction, for the same reason. */
export const SQLITE_GROUP_BYTES = 2 * MiB;
/** Milliseconds of tries for a lock that another process holds, with other work between them, before the store counts as unavailable. */
export const SQLITE_BUSY_MS = 5_000;
/** Bytes of a page of the SQLite file. */
export const SQLITE_PAGE_BYTES = 8 * KiB;
/** Bytes of pages that SQLite keeps in memory. */
export const SQLITE_CACHE_BYTES = 16 * MiB;
/** Bytes of entries that are kept as they were read, as long as nobody writes. */
export const SQLITE_RECENT_BYTES = 4 * MiB;
/** Unmoved pages of the write-ahead log at which a thread begins to move them to the file. */
export const SQLITE_WAL_CALM_PAGES = 1_000;
/** Pages of the log at which the writer moves those that are left, so that it can begin anew. */
export const SQLITE_WAL_PAGES = 4_000;
/** Pages of the log from which writers also wait for readers to let it begin anew: such pauses must stay rare. */
export const SQLITE_WAL_MOST_PAGES = 4 * SQLITE_WAL_PAGES;
/** Changes that are read in one go while a watch catches up or compaction goes on. */
export const SQLITE_STEP_CHANGES = 200;

/** Milliseconds in which etcd must have answered a call, with all tries on all members; then the store is unavailable. */
export const ETCD_CALL_MS = 5_000;
/** Milliseconds after which a call that may be repeated is tried on another member. */
export const ETCD_TRY_MS = 2_000;
/** Milliseconds in which a member must be connected before the next is tried. */
export const ETCD_CONNECT_MS = 1_000;
/** Milliseconds that a compaction may take. */
export const ETCD_COMPACT_MS = 120_000;
/** Milliseconds of silence after which a connection is tested; etcd refuses clients that do so more often than every 5 s. */
export const ETCD_KEEPALIVE_MS = 6_000;
/** Milliseconds in which that test must be answered. */
export const ETCD_KEEPALIVE_TIMEOUT_MS = 3_000;
/** Bytes of one message; etcd tells watches in pieces of its --max-request-bytes, which some raise to ten times its default. */
export const ETCD_MESSAGE_BYTES = 32 * MiB;
/** Bytes of values that one page should have; where values are larger, fewer keys are asked for. */
export const ETCD_PAGE_BYTES = 2 * MiB;
/** Keys of one page with their values. */
export const ETCD_PAGE_KEYS = 512;
/** Keys of one page without values. */
export const ETCD_INDEX_PAGE_KEYS = 8_192;
/** Bytes that a key in memory takes, measured. */
export const ETCD_KEY_BYTES = 105;
/** Share of the memory that Node may use for which keys are kept; with more of them, reads go to etcd. */
export const ETCD_INDEX_SHARE = 0.4;
/** Bytes of values that a process keeps in memory, unless `cache=` says otherwise. */
export const ETCD_VALUES_BYTES = 64 * MiB;
/** Bytes that a value in memory costs besides itself and its key. */
export const ETCD_ENTRY_BYTES = 256;
/** Bytes of the latest commits, kept for watches that begin a little way back. */
export const ETCD_RECENT_BYTES = 8 * MiB;
/** Milliseconds that a read waits for the watch to bring what is known to be there; then it asks etcd. */
export const ETCD_LAG_MS = 1_000;
/** Milliseconds between two tries to open a watch, at most. */
export const ETCD_WATCH_PAUSE_MS = 1_000;
/** Milliseconds between two looks for an etcd that does not answer when the server starts. */
export const ETCD_START_PAUSE_MS = 1_000;
/** Seconds after which another process takes over the work of one that has died. */
export const ETCD_LEASE_SECONDS = 15;

/** Entries of a page that is read while a store is copied. */
export const COPY_PAGE_ENTRIES = 500;
/** Times that a copy reads a source whose history is forgotten faster than it can be read. */
export const COPY_TRIES = 5;

/** Revisions that stay readable (watches, continue tokens) before compaction takes them. */
export const HISTORY_SECONDS = 600;

/** Seconds that requests may go on after SIGTERM. */
export const DRAIN_SECONDS = 10;
/** Milliseconds in which a further signal to stop is an echo of the first and not someone's impatience. */
export const SIGNAL_ECHO_MS = 500;
/** Seconds until an idle keep-alive connection is closed. */
export const KEEP_ALIVE_SECONDS = 120;
/** Seconds in which a TLS handshake must be done. */
export const HANDSHAKE_SECONDS = 10;
/** Bytes of the headers of a request: as many ranges of a blob as clients ask for take half of it. */
export const HEADER_BYTES = 64 * KiB;
/** Seconds in which the headers of a request must arrive. */
export const HEADER_SECONDS = 30;
/** Requests that an HTTP/2 connection carries at the same time, as in kube-apiserver; with more, clients open another. */
export const HTTP2_STREAMS = 250;
/** Bytes of a request's body that a client may send before somebody reads them. */
export const HTTP2_WINDOW_BYTES = 1 * MiB;
/** Bytes of all bodies of a connection that may be under way; they are taken as they come, so this is for long lines. */
export const HTTP2_CONNECTION_WINDOW_BYTES = 4 * MiB;
/** Bytes of one frame, as in Go's servers: a body costs less in few than in many. */
export const HTTP2_FRAME_BYTES = 1 * MiB;
/** Headers of a request: as many as Node takes over HTTP/1.1. */
export const HTTP2_HEADER_PAIRS = 1000;
/** Millions of bytes that wait in a connection for its client; with more, new requests of it are refused. */
export const HTTP2_QUEUED_MB = 64;
/** Frames that make no sense after which a connection is closed. */
export const HTTP2_INVALID_FRAMES = 1000;
/** Requests that were refused at once after which a connection is closed. */
export const HTTP2_REJECTED_STREAMS = 100;
/** Requests that a client may break off in one go, before its connection is closed (rapid reset, CVE-2023-44487)… */
export const HTTP2_RESETS = 1000;
/** …and how many it may break off each second in the long run. */
export const HTTP2_RESETS_PER_SECOND = 33;
/** Seconds within which a body that the registry reads whole (a manifest, a signature, a form) must have come. */
export const REGISTRY_BODY_SECONDS = 120;
/** Seconds of silence after which an upload's connection is given up; the session stays. */
export const UPLOAD_IDLE_SECONDS = 120;
/** Seconds in which a client must take something of a blob that it is sent; then its connection is given up. */
export const DOWNLOAD_IDLE_SECONDS = 300;
/** Seconds after which an upload that nobody has added to is dropped: a week, as distribution does. */
export const UPLOAD_STALE_SECONDS = 7 * 24 * 3600;
/** Tags that one push by digest may set with `?tag=`: what the OCI specification asks for at least; more are 414. */
export const MANIFEST_TAG_PARAMETERS = 10;
/** Ranges of one GET of a blob; containers/storage asks for at most 1024 and halves that when it is answered 400. */
export const BLOB_RANGES = 1024;
/** Characters of a refusal's message that stand in its status line. */
export const REASON_CHARACTERS = 200;
/** Bytes of a refused request's body that are read so that its connection can go on; with more it is closed. */
export const REFUSED_BODY_BYTES = 256 * KiB;
/** Bytes of such a body that are still taken while the client reads why it was refused, before the connection closes. */
export const LINGER_BYTES = 64 * MiB;
/** Seconds for the same. */
export const LINGER_SECONDS = 5;
/** Seconds that a registry client may keep what the token endpoint gave it: it is the API token, checked at every use. */
export const REGISTRY_TOKEN_SECONDS = 3600;
/** Bytes of a signature that is put through the registry: 64 KiB of it in base64, and what is around it. */
export const SIGNATURE_BODY_BYTES = 128 * KiB;
/** Bytes of a form that is sent to the token endpoint. */
export const TOKEN_FORM_BYTES = 64 * KiB;
/** Repositories of a namespace that are looked through for a blob when a mount does not say from where. */
export const MOUNT_SEARCH_REPOSITORIES = 100;
/** Bytes of one page of referrers: clients read no larger index (as a manifest, 4 MiB). */
export const REFERRERS_BYTES = 4 * MiB - 4 * KiB;

/** Milliseconds after the start at which roles are looked after. */
export const ROLE_UPKEEP_DELAY_MS = 1_000;
/** Seconds after which looking after roles is tried again when the store was away. */
export const ROLE_UPKEEP_RETRY_SECONDS = 5;
/** Combinations of verbs, groups, resources and names of a role that are compared with what its giver holds. */
export const ROLE_COMBINATIONS = 100_000;
/** Days that the installation's own certificate authority is valid. */
export const AUTHORITY_DAYS = 3650;
/** Days that a certificate is valid which it issues; Apple's clients refuse more than 825. */
export const CERTIFICATE_DAYS = 365;
/** Days before its end at which a certificate is renewed. */
export const CERTIFICATE_RENEWAL_DAYS = 30;
/** Milliseconds between two looks at whether the certificates of a running server must be renewed. */
export const CERTIFICATE_CHECK_MS = 12 * 3_600_000;
/** Milliseconds that the store or the blobs may take to answer a health check. */
export const HEALTH_CHECK_MS = 3_000;

/** Bytes of composed objects (ImageStreamImages, ImageStreamTags) that are kept in memory. */
export const COMPOSED_CACHE_BYTES = 16 * MiB;
/** Bytes of ImageStreams, with all their tags as they are stored, that are kept in memory for who writes to them again. */
export const WHOLE_CACHE_BYTES = 8 * MiB;
/** Bytes of data that a ConfigMap or a Secret holds, as in Kubernetes. */
export const DATA_BYTES = 1 * MiB;
/** Seconds that an event is kept after it was last seen, as in Kubernetes. */
export const EVENT_SECONDS = 3600;
/** Seconds after which clearing a namespace is tried again when something in it could not be deleted. */
export const PURGE_RETRY_SECONDS = 5;
/** Seconds until what a deleted object owns is seen to. */
export const COLLECT_SECONDS = 2;
/** Owners of one object whose end is seen to; a write that names others instead of all of them fits into one commit. */
export const OWNERS_FOLLOWED = 50;
/** Manifests whose media type and size are kept in memory. */
export const DESCRIBED_MANIFESTS = 20_000;
/** Milliseconds between two looks for uploads that expired. */
export const EXPIRY_CHECK_MS = 3_600_000;

/**
 * Seconds after which tags that were set to images of other registries are imported, and tried again. Only when the last
 * try has failed the stream says so, so that what passes by itself is told to nobody.
 */
export const PENDING_IMPORT_SECONDS: readonly number[] = [1, 5, 30];
/** Streams whose tags are imported at the same time because somebody changed them. */
export const PENDING_IMPORTS_AT_ONCE = 4;
/** Images of one ImageStreamImport; OpenShift knows no limit but that of the body. */
export const IMPORT_IMAGES = 1_000;
/** Tags that an import of a whole repository fetches; the rest is named. As OpenShift. */
export const IMPORT_REPOSITORY_TAGS = 50;
/** Images that one import fetches at the same time. */
export const IMPORT_LANES = 8;
/** Bytes of manifests and configs that one import holds; images beyond fail and say so. */
export const IMPORT_BYTES = 64 * MiB;
/** Seconds of one import. Images that were not fetched by then fail and say so. */
export const IMPORT_SECONDS = 300;
/** Changes of one commit of an import that belong to tags: leaves room for the stream and the record of the moves. */
export const IMPORT_COMMIT_TAGS = 100;
/** Bytes of the tags in one commit of an import: half of what fits, the other half is for stream and record. */
export const IMPORT_COMMIT_BYTES = COMMIT_BYTES / 2;

/** Requests to other registries that are under way at the same time, of all imports together. */
export const REMOTE_EXCHANGES = 64;
/** Connections to one host of another registry. */
export const REMOTE_HOST_CONNECTIONS = 16;
/** Milliseconds after which an idle connection to another registry is closed. */
export const REMOTE_IDLE_MS = 15_000;
/** Seconds in which another registry must say that it is one, as in OpenShift. */
export const REMOTE_PING_SECONDS = 15;
/** Seconds in which another registry must have answered a request in full. */
export const REMOTE_REQUEST_SECONDS = 60;
/** Redirects of one request that are followed. */
export const REMOTE_REDIRECTS = 5;
/** Tries of a request that another registry could not answer for the moment, as OpenShift's client does. */
export const REMOTE_TRIES = 3;
/** Milliseconds before such another try, where the registry does not say how long. */
export const REMOTE_RETRY_MS = 1_000;
/** Milliseconds that a registry may ask to be waited for; if it asks for more, the request fails. */
export const REMOTE_RETRY_MOST_MS = 5_000;
/** Bytes of an answer that is only looked at (pings, errors, tokens). */
export const REMOTE_SMALL_BYTES = 256 * KiB;
/** Bytes of one page of another registry's list of tags. */
export const REMOTE_TAGS_PAGE_BYTES = 8 * MiB;
/** Tags of another registry's repository that are listed; a repository with more cannot be imported as a whole. */
export const REMOTE_TAGS = 100_000;
/** Characters of what another registry says that stand in an error. */
export const REMOTE_WORDS_CHARACTERS = 512;
/** Bytes of a pull secret's content that are looked into; secrets hold at most 1 MiB. */
export const PULL_SECRET_BYTES = 1 * MiB;
