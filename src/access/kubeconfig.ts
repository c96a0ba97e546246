/** The administrator's kubeconfig, named as `oc login` names things, so that oc merges its own entries with it. */
import type { KeyPair } from './authority.ts';

export interface KubeconfigContent {
  /** URL of the API, with a host that the server's certificate covers. */
  readonly server: string;
  /** The authority to trust, as PEM. */
  readonly authority: string;
  /** A user with a token; the current context is theirs, since `oc registry login` and others need a token. */
  readonly tokenUser: { readonly name: string; readonly token: string };
  /** A user with a client certificate. */
  readonly certificateUser: { readonly name: string; readonly pair: KeyPair };
}

/** The kubeconfig as YAML. Every value stands in double quotes, as JSON: that is YAML, whatever the value is. */
export function kubeconfigOf(content: KubeconfigContent): string {
  const { server, authority, tokenUser, certificateUser } = content;
  const cluster = new URL(server).host.replaceAll('.', '-');
  const q = JSON.stringify;
  const context = (user: string): string => `default/${cluster}/${user}`;
  const contextEntry = (user: string): string =>
    `- context:
    cluster: ${q(cluster)}
    namespace: default
    user: ${q(`${user}/${cluster}`)}
  name: ${q(context(user))}
`;
  return `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: ${base64(authority)}
    server: ${q(server)}
  name: ${q(cluster)}
contexts:
${contextEntry(tokenUser.name)}${contextEntry(certificateUser.name)}current-context: ${q(context(tokenUser.name))}
preferences: {}
users:
- name: ${q(`${tokenUser.name}/${cluster}`)}
  user:
    token: ${q(tokenUser.token)}
- name: ${q(`${certificateUser.name}/${cluster}`)}
  user:
    client-certificate-data: ${base64(certificateUser.pair.certificate)}
    client-key-data: ${base64(certificateUser.pair.key)}
`;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
