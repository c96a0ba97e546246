/**
 * The installation's own certificate authority and what it issues: the server's certificate and the administrator's.
 * The files are the truth; each is made whole or not at all, in an order in which any prefix can be completed, so that
 * neither a crash nor a second process that starts at the same moment leaves anything that does not fit together.
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { AUTHORITY_DAYS, CERTIFICATE_DAYS, CERTIFICATE_RENEWAL_DAYS } from '../limits.ts';
import {
  createPrivateFile,
  makePrivateFolder,
  readPrivateFile,
  replacePrivateFile,
  UnusableFile,
} from './privatefile.ts';
import { MASTERS } from './user.ts';
import { issueCertificate, keyIdOf, newKey, type Purpose, type Subject } from './x509.ts';

/** A certificate and its private key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  /** The authority's own certificate, as PEM: what clients must trust. */
  readonly certificate: string;
  readonly server: KeyPair;
  /** A client certificate for ADMIN_SUBJECT. */
  readonly admin: KeyPair;
}

export interface AuthorityOptions {
  /** Holds the files, mode 0600; made if it does not exist. */
  readonly folder: string;
  /** DNS names and IP addresses that the server's certificate must cover. */
  readonly names: readonly string[];
  readonly now: Date;
}

/** Whom the administrator's client certificate names: everything is allowed to this group. */
export const ADMIN_SUBJECT: Subject = { commonName: 'system:admin', organizations: [MASTERS] };

const DAY_MS = 86_400_000;
/** Milliseconds after which a temporary file cannot belong to a process that is still writing it. */
const ABANDONED_MS = 60_000;

/** The signing key with the certificate that goes with it. */
interface Issuer {
  readonly subject: Subject;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
  readonly certificate: X509Certificate;
}

/**
 * Reads the authority and its certificates, making what is missing and renewing what is about to expire or does not
 * cover the names any more. Calling it again on a running server renews.
 * @throws {UnusableFile} if the authority's key or certificate is damaged, or its key is gone: they cannot be made again
 *   without every client having to trust a new one. Errors of the file system are thrown as they are.
 */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { folder, names, now } = options;
  makePrivateFolder(folder);
  sweep(folder, now);
  const issuer = await openIssuer(folder, now);
  return {
    certificate: issuer.certificate.toString(),
    server: await openPair(folder, 'server', issuer, { commonName: 'headgate' }, { is: 'server', names }, now),
    admin: await openPair(folder, 'admin', issuer, ADMIN_SUBJECT, { is: 'client' }, now),
  };
}

/** Removes what a process that was killed left half written. */
function sweep(folder: string, now: Date): void {
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.tmp')) continue;
    const status = statSync(join(folder, name), { throwIfNoEntry: false });
    if (status && now.getTime() - status.mtimeMs > ABANDONED_MS) rmSync(join(folder, name), { force: true });
  }
}

async function openIssuer(folder: string, now: Date): Promise<Issuer> {
  const keyFile = join(folder, 'ca.key');
  const certificateFile = join(folder, 'ca.crt');
  const advice = `restore it from a backup, or delete ${folder} to begin a new authority that every client must then trust anew`;
  const text = readPrivateFile(certificateFile);
  let keyText = readPrivateFile(keyFile);
  if (keyText === undefined) {
    // The key is always written first, so a certificate without one is not the trace of a crash.
    if (text !== undefined) throw new UnusableFile(keyFile, `is missing beside ca.crt: ${advice}`);
    keyText = createPrivateFile(keyFile, pemOf(newKey()));
  }
  const key = parseKey(keyText);
  if (key?.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new UnusableFile(keyFile, `is damaged, or no P-256 private key: ${advice}`);
  }
  const publicKey = createPublicKey(key);
  const subject = { commonName: `headgate-ca-${keyIdOf(publicKey).toString('hex').slice(0, 8)}` };
  const make = (): Promise<string> =>
    issueCertificate({
      subject,
      publicKey,
      issuer: subject,
      issuerKey: key,
      issuerPublicKey: publicKey,
      purpose: { is: 'authority' },
      now,
      days: AUTHORITY_DAYS,
    });
  let certificate = parseCertificate(text ?? createPrivateFile(certificateFile, await make()));
  if (!certificate?.ca || !certificate.checkPrivateKey(key) || certificate.subject !== `CN=${subject.commonName}`) {
    throw new UnusableFile(certificateFile, `is damaged, or not the certificate of ca.key: ${advice}`);
  }
  // The key and the name stay, so whatever it has issued stays valid, under the old certificate and the new one.
  if (daysLeft(certificate, now) < CERTIFICATE_DAYS) {
    const renewed = await make();
    replacePrivateFile(certificateFile, renewed);
    certificate = new X509Certificate(renewed);
  }
  return { subject, key, publicKey, certificate };
}

/** A pair under `<name>.key` and `<name>.crt`. The key outlives the certificates, so the two files always fit. */
async function openPair(
  folder: string,
  name: string,
  issuer: Issuer,
  subject: Subject,
  purpose: Purpose,
  now: Date,
): Promise<KeyPair> {
  const keyFile = join(folder, `${name}.key`);
  const certificateFile = join(folder, `${name}.crt`);
  let keyText = readPrivateFile(keyFile) ?? createPrivateFile(keyFile, pemOf(newKey()));
  let key = parseKey(keyText);
  if (!key) {
    // Damaged; unlike the authority's it can be replaced without anybody noticing.
    key = newKey();
    keyText = pemOf(key);
    replacePrivateFile(keyFile, keyText);
  }
  const text = readPrivateFile(certificateFile);
  const present = text === undefined ? undefined : parseCertificate(text);
  if (text !== undefined && present && isFit(present, key, issuer, purpose, now)) {
    return { certificate: text, key: keyText };
  }
  const certificate = await issueCertificate({
    subject,
    publicKey: createPublicKey(key),
    issuer: issuer.subject,
    issuerKey: issuer.key,
    issuerPublicKey: issuer.publicKey,
    purpose,
    now,
    days: CERTIFICATE_DAYS,
  });
  replacePrivateFile(certificateFile, certificate);
  return { certificate, key: keyText };
}

function isFit(certificate: X509Certificate, key: KeyObject, issuer: Issuer, purpose: Purpose, now: Date): boolean {
  return (
    certificate.checkPrivateKey(key) &&
    certificate.checkIssued(issuer.certificate) &&
    certificate.verify(issuer.publicKey) &&
    daysLeft(certificate, now) >= CERTIFICATE_RENEWAL_DAYS &&
    (purpose.is !== 'server' || purpose.names.every((name) => covers(certificate, name)))
  );
}

function covers(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  // A wildcard is covered if what it stands for is.
  return certificate.checkHost(name.replace(/^\*/, 'any'), { subject: 'never' }) !== undefined;
}

/** Days until it expires; none if it is not valid yet (the clock was set back). */
function daysLeft(certificate: X509Certificate, now: Date): number {
  if (certificate.validFromDate > now) return 0;
  return (certificate.validToDate.getTime() - now.getTime()) / DAY_MS;
}

function parseKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

function parseCertificate(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
