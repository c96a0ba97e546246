/** The resources beside the image API that clients need. */
import type { Resource } from '../objects/resource.ts';
import { namespaces } from './namespaces.ts';

export const clusterResources: readonly Resource[] = [namespaces];
