/** What a server is known by: its certificates, and the kubeconfig that trusts them. */
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { ADMIN } from './access/admin.ts';
import { ADMIN_SUBJECT, type Authority, openAuthority } from './access/authority.ts';
import { joinInstallation } from './access/installation.ts';
import { kubeconfigOf } from './access/kubeconfig.ts';
import { replacePrivateFile } from './access/privatefile.ts';
import { type Config, isDnsName } from './config.ts';
import { CERTIFICATE_CHECK_MS } from './limits.ts';
import { type Https, tlsOptions } from './listener.ts';
import type { Logger } from './observe/logs.ts';
import type { Store } from './store/store.ts';

/** The authority of the data folder and what it has issued, made or renewed where that is needed. Throws as `openAuthority`. */
export function openIdentity(config: Config): Promise<Authority> {
  return openAuthority({ folder: join(config.data, 'tls'), names: certificateNames(config), now: new Date() });
}

/** Looks at the certificates now and then, and gives those that are good from then on. */
export function keepRenewed(config: Config, logger: Logger, use: (authority: Authority) => void): NodeJS.Timeout {
  const renew = async (): Promise<void> => {
    try {
      use(await openIdentity(config));
    } catch (error) {
      logger.error({ err: error }, 'the certificates could not be looked at or renewed; the old ones stay in use');
    }
  };
  return setInterval(() => void renew(), CERTIFICATE_CHECK_MS).unref();
}

/** The authority of the other servers on the same store, if it is not that of the data folder already. */
export async function joined(config: Config, store: Store, api: Https, logger: Logger): Promise<Authority | undefined> {
  if (config.store.kind !== 'etcd') return undefined;
  const host =
    'each server on this etcd says its own address in status.dockerImageRepository: name one by --registry-host';
  if (config.registryHost === undefined) logger.warn(host);
  if (!(await joinInstallation(store, config.data))) return undefined;
  logger.info('this server has the certificate authority of the others on its store from now on');
  const authority = await openIdentity(config);
  api.setSecureContext(tlsOptions(authority.server, authority.certificate));
  return authority;
}

/** Every name by which a client may reach this server, as far as the server can know. */
function certificateNames(config: Config): readonly string[] {
  const { host } = config.listen;
  const everywhere = host === '0.0.0.0' || host === '::';
  const hosts = [config.registryHost, config.registryPublicHost].map((name) =>
    name?.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'),
  );
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
  const names = [
    'localhost',
    '127.0.0.1',
    '::1',
    ...(isDnsName(hostname()) ? [hostname()] : []),
    ...(everywhere ? addresses.filter((address) => !address.startsWith('fe80:')) : [host]),
    ...hosts.filter((name) => name !== undefined),
    ...config.tlsNames,
  ];
  return [...new Set(names)];
}

/** Writes the administrator's kubeconfig, with a user by token and one by certificate. */
export function writeKubeconfig(path: string, server: string, authority: Authority, token: string): void {
  const content = kubeconfigOf({
    server,
    authority: authority.certificate,
    tokenUser: { name: ADMIN, token },
    certificateUser: { name: ADMIN_SUBJECT.commonName, pair: authority.admin },
  });
  replacePrivateFile(path, content);
}
