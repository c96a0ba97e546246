/**
 * Issuing X.509 certificates with P-256 keys, by way of @peculiar/x509, which is loaded only when there is one to make.
 * Reading and verifying them is OpenSSL's, by way of node:crypto.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

type Extension = import('@peculiar/x509').Extension;

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
export async function issueCertificate(request: CertificateRequest): Promise<string> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { now, days, subject, issuer } = request;
  const serial = randomBytes(16);
  // Positive and never zero; 126 random bits are left.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const nameOf = ({ commonName, organizations = [] }: Subject): InstanceType<typeof x509.Name> =>
    new x509.Name([...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }]);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString('hex'),
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + days * 86_400_000),
    signingAlgorithm: ALGORITHM,
    publicKey: request.publicKey.toCryptoKey(ALGORITHM, true, ['verify']),
    signingKey: request.issuerKey.toCryptoKey(ALGORITHM, false, ['sign']),
    extensions: extensionsOf(x509, request),
  });
  return `${certificate.toString('pem')}\n`;
}

/** The key identifier of RFC 7093 §2 (1): the first 160 bits of the SHA-256 of the public key. */
export function keyIdOf(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  // An uncompressed P-256 point is the last 65 bytes of its SubjectPublicKeyInfo.
  return createHash('sha256').update(spki.subarray(-65)).digest().subarray(0, 20);
}

function extensionsOf(x509: typeof import('@peculiar/x509'), request: CertificateRequest): Extension[] {
  const { purpose } = request;
  const keyIds = [
    new x509.SubjectKeyIdentifierExtension(keyIdOf(request.publicKey).toString('hex')),
    new x509.AuthorityKeyIdentifierExtension(keyIdOf(request.issuerPublicKey).toString('hex')),
  ];
  if (purpose.is === 'authority') {
    // It signs certificates and lists of revoked ones, but no further authorities (path length 0).
    const usages = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
    return [new x509.BasicConstraintsExtension(true, 0, true), new x509.KeyUsagesExtension(usages, true), ...keyIds];
  }
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const both = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    // All that TLS with ECDSA needs.
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([purpose.is === 'server' ? serverAuth : clientAuth]),
    ...keyIds,
  ];
  if (purpose.is === 'client') return both;
  const names = purpose.names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value }));
  return [...both, new x509.SubjectAlternativeNameExtension(names)];
}
