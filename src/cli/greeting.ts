/** What a server that has started says: how to use it, and, in one line for programs, that it is ready. */
import manifest from '../../package.json' with { type: 'json' };
import type { Config } from '../config.ts';
import type { Running } from '../main.ts';

/** Where a server answers. */
export type Answering = Pick<Running, 'apiUrl' | 'registryUrl'>;

/** The lines, with what to copy. */
export function greeting(config: Config, { apiUrl, registryUrl }: Answering): string {
  const registry = new URL(registryUrl).host;
  const data = config.data.replace(/'/g, `'\\''`);
  return `Headgate ${manifest.version}, data in ${config.data}

  Kubernetes clients   export KUBECONFIG='${data}/admin.kubeconfig'
                       kubectl get imagestreams
  registry clients     npx headgate token --data '${data}' | docker login --username admin --password-stdin ${registry}
${registryUrl.startsWith('https:') ? trustHint(data, registry) : ''}
headgate ready api=${apiUrl} registry=${registryUrl}
`;
}

/** How docker and podman come to trust the certificate; what listens without TLS, on this machine only, they trust already. */
function trustHint(data: string, registry: string): string {
  const install = (folder: string): string =>
    `sudo install -D -m 644 '${data}/tls/ca.crt' ${folder}/certs.d/${registry}/ca.crt`;
  return `  that they trust it   ${install('/etc/docker')}
                       ${install('/etc/containers')}   # podman, skopeo, buildah
`;
}
