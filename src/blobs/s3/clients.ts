/** The SDK's clients, as this driver wants them. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type * as Sdk from '@aws-sdk/client-s3';
import { S3_CONNECT_MS, S3_CONNECTIONS, S3_TRY_MS } from '../../limits.ts';
import { BlobsUnavailable } from '../blobs.ts';
import type { S3Address } from './address.ts';

export interface Clients {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
  /** For answers that are long in coming, without a byte before: a server may copy the parts to one file. */
  readonly patient: Sdk.S3Client;
  /** The authorities to trust, as PEM; undefined for those of the system. */
  readonly ca: Buffer | undefined;
}

/** Loads the SDK and makes the clients. @throws {BlobsUnavailable} if the file with authorities cannot be read. */
export async function makeClients(address: S3Address): Promise<Clients> {
  const [sdk, { NodeHttpHandler }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@smithy/node-http-handler'),
  ]);
  const ca = authoritiesOf(address);
  const agent = { keepAlive: true, maxSockets: S3_CONNECTIONS };
  const ownRegion = address.region ?? process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION;
  const region = ownRegion ?? (address.endpoint === undefined ? undefined : 'us-east-1');
  const agents = { httpAgent: new HttpAgent(agent), httpsAgent: new HttpsAgent({ ...agent, ...(ca && { ca }) }) };
  const config = {
    ...(address.endpoint !== undefined && { endpoint: address.endpoint }),
    ...(region !== undefined && { region }),
    forcePathStyle: address.pathStyle,
    // Tries are counted here, where the caller's patience is known.
    maxAttempts: 1,
    // In JavaScript they take most of the CPU of an upload; sums that cost little are added in putPart.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  } as const;
  const handler = { ...agents, connectionTimeout: S3_CONNECT_MS };
  const client = new sdk.S3Client({
    ...config,
    requestHandler: new NodeHttpHandler({ ...handler, socketTimeout: S3_TRY_MS }),
  });
  const patient = new sdk.S3Client({ ...config, requestHandler: new NodeHttpHandler(handler) });
  leaveContentUnsigned(client);
  return { sdk, client, patient, ca };
}

function authoritiesOf({ ca }: S3Address): Buffer | undefined {
  if (ca === undefined) return undefined;
  try {
    const pem = readFileSync(ca);
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch (error) {
    throw new BlobsUnavailable(`cannot read the authorities to trust in ${ca}; check ca= in --blobs`, { cause: error });
  }
  throw new BlobsUnavailable(`there is no PEM certificate in ${ca}; check ca= in --blobs`);
}

/**
 * Keeps the SDK from hashing each body for its signature: the content is hashed anyway for its digest, the server checks
 * the CRC that goes along, and over HTTPS nobody can change it on the way.
 */
function leaveContentUnsigned(client: Sdk.S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args as {
        readonly request?: { readonly body?: unknown; readonly headers: Record<string, string> };
      };
      if (request?.body instanceof Uint8Array) request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'leaveContentUnsigned' },
  );
}
