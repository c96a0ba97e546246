/** The settings of an OpenID Connect provider, checked. */
import { readFileSync } from 'node:fs';
import type { OidcConfig } from './access/oidc.ts';
import type { FlagName } from './flags.ts';
import type { Settings } from './settings.ts';

/** Algorithms that kube-apiserver takes; those with a shared secret are not among them. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];

/** The provider; undefined if none is set. @param problems gets what is wrong. */
export function oidcOf(settings: Settings, problems: string[]): OidcConfig | undefined {
  const text = (name: FlagName): string | undefined => {
    const value = settings.get(name)?.value;
    return typeof value === 'string' ? value : undefined;
  };
  const list = (name: FlagName): readonly string[] => {
    const value = settings.get(name)?.value;
    return Array.isArray(value) ? value : [];
  };
  const complain = (name: FlagName, what: string): void => {
    problems.push(`${settings.get(name)?.source ?? `--${name}`}: ${what}`);
  };
  const [issuer, clientId] = [text('oidc-issuer-url'), text('oidc-client-id')];
  if (issuer === undefined && clientId === undefined) return undefined;
  if (issuer === undefined || clientId === undefined) {
    const missing = issuer === undefined ? 'oidc-issuer-url' : 'oidc-client-id';
    complain(missing, 'is missing: --oidc-issuer-url and --oidc-client-id belong together');
    return undefined;
  }
  if (!URL.canParse(issuer) || new URL(issuer).protocol !== 'https:' || /[?#]/.test(issuer)) {
    complain('oidc-issuer-url', `"${issuer}" must be https://HOST/…, without a query`);
  }
  const algorithms = list('oidc-signing-algs');
  const unknown = algorithms.find((one) => !ALGORITHMS.includes(one));
  if (unknown !== undefined) complain('oidc-signing-algs', `"${unknown}" must be one of ${ALGORITHMS.join(', ')}`);
  const pairs = list('oidc-required-claim').map((pair) => /^([^=]+)=(.*)$/.exec(pair)?.slice(1) ?? [pair]);
  const broken = pairs.find((pair) => pair.length < 2);
  if (broken) complain('oidc-required-claim', `"${broken[0]}" must be CLAIM=VALUE`);
  return {
    issuer,
    clientId,
    usernameClaim: text('oidc-username-claim') ?? 'sub',
    usernamePrefix: text('oidc-username-prefix'),
    groupsClaim: text('oidc-groups-claim'),
    groupsPrefix: text('oidc-groups-prefix') ?? '',
    requiredClaims: new Map(pairs.map(([claim = '', value = '']) => [claim, value])),
    algorithms: algorithms.length > 0 ? algorithms : ['RS256'],
    authorities: authoritiesIn(text('oidc-ca-file'), complain),
  };
}

function authoritiesIn(file: string | undefined, complain: (name: FlagName, what: string) => void): string | undefined {
  if (file === undefined) return undefined;
  try {
    const pem = readFileSync(file, 'utf8');
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) complain('oidc-ca-file', `${file} holds no certificate (PEM)`);
    return pem;
  } catch (error) {
    complain('oidc-ca-file', `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
