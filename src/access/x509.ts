/**
 * Issuing X.509 certificates (RFC 5280) with P-256 keys. Only written here: reading and verifying them is OpenSSL's, by
 * way of node:crypto. Own code because the libraries for it cost a first start more than everything else together.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  octetString,
  oid,
  sequence,
  set,
  time,
  utf8String,
} from './der.ts';

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = oid('2.5.4.3');
const ORGANIZATION = oid('2.5.4.10');
const SUBJECT_KEY_ID = oid('2.5.29.14');
const KEY_USAGE = oid('2.5.29.15');
const SUBJECT_ALT_NAME = oid('2.5.29.17');
const BASIC_CONSTRAINTS = oid('2.5.29.19');
const AUTHORITY_KEY_ID = oid('2.5.29.35');
const EXTENDED_KEY_USAGE = oid('2.5.29.37');
const SERVER_AUTH = oid('1.3.6.1.5.5.7.3.1');
const CLIENT_AUTH = oid('1.3.6.1.5.5.7.3.2');

/** Milliseconds by which a certificate is valid before it is made, for clients whose clock is behind. */
const CLOCK_SKEW_MS = 3_600_000;

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

/** What a certificate is for. */
export type Purpose =
  | { readonly is: 'authority' }
  /** `names` are DNS names and IP addresses, at least one. */
  | { readonly is: 'server'; readonly names: readonly string[] }
  | { readonly is: 'client' };

export interface CertificateRequest {
  readonly subject: Subject;
  readonly publicKey: KeyObject;
  readonly issuer: Subject;
  /** The issuer's private key. */
  readonly issuerKey: KeyObject;
  /** The issuer's public key. */
  readonly issuerPublicKey: KeyObject;
  readonly purpose: Purpose;
  readonly now: Date;
  readonly days: number;
}

/** A new P-256 private key. */
export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

/** A certificate as PEM, valid from an hour before `now`. */
export function issueCertificate(request: CertificateRequest): string {
  const { now, days } = request;
  const serial = randomBytes(16);
  // Positive and never zero; 126 random bits are left.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const body = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(serial),
    ECDSA_WITH_SHA256,
    nameOf(request.issuer),
    sequence(time(new Date(now.getTime() - CLOCK_SKEW_MS)), time(new Date(now.getTime() + days * 86_400_000))),
    nameOf(request.subject),
    request.publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensionsOf(request))),
  );
  return pemOf(sequence(body, ECDSA_WITH_SHA256, bitString(sign('sha256', body, request.issuerKey))));
}

/** The key identifier of RFC 7093 §2 (1): the first 160 bits of the SHA-256 of the public key. */
export function keyIdOf(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // An uncompressed P-256 point is the last 65 bytes of its SubjectPublicKeyInfo.
  return createHash('sha256').update(spki.subarray(-65)).digest().subarray(0, 20);
}

function pemOf(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function nameOf(subject: Subject): Buffer {
  const organizations = (subject.organizations ?? []).map((organization) => attribute(ORGANIZATION, organization));
  return sequence(...organizations, attribute(COMMON_NAME, subject.commonName));
}

function attribute(type: Buffer, value: string): Buffer {
  return set(sequence(type, utf8String(value)));
}

function extensionsOf(request: CertificateRequest): readonly Buffer[] {
  const { purpose } = request;
  const keyIds = [
    extension(SUBJECT_KEY_ID, octetString(keyIdOf(request.publicKey))),
    extension(AUTHORITY_KEY_ID, sequence(implicit(0, keyIdOf(request.issuerPublicKey)))),
  ];
  if (purpose.is === 'authority') {
    // It signs certificates and lists of revoked ones (bits 5 and 6), but no further authorities (path length 0).
    return [
      critical(BASIC_CONSTRAINTS, sequence(boolean(true), integer(Buffer.of(0)))),
      critical(KEY_USAGE, bitString(Buffer.of(0x06), 1)),
      ...keyIds,
    ];
  }
  const both = [
    critical(BASIC_CONSTRAINTS, sequence()),
    // Digital signature, bit 0: all that TLS with ECDSA needs.
    critical(KEY_USAGE, bitString(Buffer.of(0x80), 7)),
    extension(EXTENDED_KEY_USAGE, sequence(purpose.is === 'server' ? SERVER_AUTH : CLIENT_AUTH)),
    ...keyIds,
  ];
  if (purpose.is === 'client') return both;
  return [...both, extension(SUBJECT_ALT_NAME, sequence(...purpose.names.map(generalName)))];
}

function extension(type: Buffer, value: Buffer): Buffer {
  return sequence(type, octetString(value));
}

function critical(type: Buffer, value: Buffer): Buffer {
  return sequence(type, boolean(true), octetString(value));
}

function generalName(name: string): Buffer {
  if (isIPv4(name)) return implicit(7, Buffer.from(name.split('.').map(Number)));
  if (isIPv6(name)) return implicit(7, ipv6Bytes(name));
  return implicit(2, Buffer.from(name, 'latin1'));
}

/** The 16 bytes of an IPv6 address; the URL parser knows every way to write one. */
function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (text = ''): string[] => text.split(':').filter((group) => group !== '');
  const before = groupsOf(head);
  const after = groupsOf(tail);
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  return Buffer.from([...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
