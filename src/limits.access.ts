/** Limits of who gets in: tokens, passwords, logins. As in limits.ts, each has a name, a unit and a reason. */

const KiB = 1024;
const MiB = 1024 * KiB;

/** API tokens that are kept in memory once they have been used; a token that is not takes one read of the store. */
export const ACCESS_TOKENS_KEPT = 10_000;
/** Tokens of users that are kept in memory, as well as those that are none; about 1 KiB each. */
export const OAUTH_TOKENS_KEPT = 10_000;
/** Users whose uid is kept in memory while their tokens are used. */
export const OAUTH_USERS_KEPT = 10_000;
/** KiB of memory that the Argon2id hash of a new password takes, and passes over it: OWASP's recommendation. */
export const ARGON2_MEMORY_KIB = 19 * 1024;
export const ARGON2_PASSES = 2;
/** KiB of memory, and passes, that the hash of a password may take: others may have made it. */
export const ARGON2_MOST_MEMORY_KIB = 256 * 1024;
export const ARGON2_MOST_PASSES = 16;
/** Cost of a bcrypt hash at most: each step doubles the time, and this one takes a second. */
export const BCRYPT_MOST_COST = 14;
/** Characters of a password; bcrypt looks at the first 72 bytes only. */
export const PASSWORD_CHARACTERS = 1024;
/** Bytes of a file of users and passwords: some 100,000 users. */
export const HTPASSWD_BYTES = 16 * MiB;
/** Milliseconds between two looks at whether that file has changed. */
export const HTPASSWD_LOOK_MS = 500;
/** Milliseconds that a command waits for another that changes the same file of users. */
export const HTPASSWD_LOCK_MS = 5_000;
/** Logins that fail before an account must wait, and the longest wait: whoever mistypes notices nothing. */
export const ACCOUNT_FAILURES = 10;
export const ACCOUNT_WAIT_SECONDS = 300;
/** The same for an address; more, since a whole company may come from one. */
export const ADDRESS_FAILURES = 100;
export const ADDRESS_WAIT_SECONDS = 30;
/** Seconds without a failure after which none counts any more. */
export const FAILURES_FORGOTTEN_SECONDS = 900;
/** Accounts, and addresses, whose failures are counted. */
export const FAILURES_KEPT = 20_000;
/** Characters of their names that count. */
export const FAILURE_CHARACTERS = 256;
/** Passwords that are checked at the same time, each on a thread and with its own memory. */
export const LOGINS_AT_ONCE = 2;
/** Logins that wait for that; more are told to come again. */
export const LOGINS_WAITING = 200;
/** Logins of which is remembered that they were right, so that docker, which sends the password each time, is quick. */
export const LOGINS_REMEMBERED = 1_000;
/** Seconds for the same; a changed password ends it at once. */
export const REMEMBERED_LOGIN_SECONDS = 300;
/** Seconds for which docker may use what it got for a password before it must show that again. */
export const REGISTRY_LOGIN_SECONDS = 900;
/** Such tokens that are kept in memory, about 1 KiB each. */
export const REGISTRY_TOKENS_KEPT = 10_000;
/** Seconds for which a token that a user got by logging in is good, as in OpenShift, unless its client says otherwise. */
export const OAUTH_TOKEN_SECONDS = 24 * 3600;
/** Seconds for which a registry client that was given a token to keep (docker's identity token) may use it. */
export const REGISTRY_REFRESH_SECONDS = 30 * 24 * 3600;
/** Seconds in which a client must exchange its code for a token, as in OpenShift. */
export const OAUTH_CODE_SECONDS = 300;
/** Bytes of a form that is sent to the pages of OAuth. */
export const OAUTH_FORM_BYTES = 16 * KiB;
/** Seconds in which such a form must have come. */
export const OAUTH_FORM_SECONDS = 15;
/** Characters of the `state` that a client of OAuth wants to have back. */
export const OAUTH_STATE_CHARACTERS = 4096;
/** Characters of a token's or code's name at least, as in OpenShift. */
export const TOKEN_NAME_CHARACTERS = 32;
/** Service accounts' tokens whose signature was checked and that are kept in memory, about 1 KiB each. */
export const ACCOUNT_TOKENS_KEPT = 10_000;
/** Service accounts that are kept in memory while their tokens are used. */
export const ACCOUNTS_KEPT = 10_000;
/** Characters of a service account's token; longer ones are not looked at. */
export const ACCOUNT_TOKEN_CHARACTERS = 16 * KiB;
/** Seconds by which the clocks of replicas may differ. */
export const TOKEN_CLOCK_SECONDS = 60;
/** Seconds for which a service account's token is good at least, as in Kubernetes. */
export const ACCOUNT_TOKEN_LEAST_SECONDS = 600;
/** Seconds for which it is good at most, as in Kubernetes. */
export const ACCOUNT_TOKEN_MOST_SECONDS = 2 ** 32;
/** Seconds in which an OpenID Connect provider must have answered. */
export const OIDC_WAIT_SECONDS = 5;
/** Seconds before such a provider is asked again, after it did not answer or did not know a key. */
export const OIDC_RETRY_SECONDS = 10;
/** Seconds after which its keys are looked at again, so that one that was taken back ends. */
export const OIDC_KEYS_SECONDS = 600;
/** Seconds for which it is remembered whom a token stands for, if it does not end before. */
export const OIDC_TRUST_SECONDS = 300;
/** Seconds by which the provider's clock may be ahead. */
export const OIDC_CLOCK_SECONDS = 300;
/** Bytes of one of its answers. */
export const OIDC_ANSWER_BYTES = 1 * MiB;
/** Characters of one of its tokens; longer ones are not looked at. */
export const OIDC_TOKEN_CHARACTERS = 16 * KiB;
/** Characters of tokens that are kept in memory; longer ones are looked at each time. */
export const OIDC_KEPT_CHARACTERS = 4 * KiB;
/** Its tokens that are kept in memory, about 2 KiB each. */
export const OIDC_TOKENS_KEPT = 5_000;
/** Lines of the audit trail that wait in memory while the disk does not take them; then the oldest are lost. */
export const AUDIT_LINES = 20_000;
/** Milliseconds for which lines are gathered after others were written: to write each by itself costs more than a small request. */
export const AUDIT_GATHER_MS = 20;
/** Milliseconds before such a disk is tried again, and between two complaints about it. */
export const AUDIT_AGAIN_MS = 1_000;
export const AUDIT_COMPLAINT_MS = 60_000;
/** Bytes of a file of the audit trail, and how many older ones are kept. */
export const AUDIT_FILE_BYTES = 100 * MiB;
export const AUDIT_FILES = 5;
/** Characters of one text in a record: clients choose some of them. */
export const AUDIT_TEXT_CHARACTERS = 1024;
