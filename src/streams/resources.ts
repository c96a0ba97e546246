/** The resources of image.openshift.io/v1 that are served. */
import { images } from '../images/images.ts';
import type { Resource } from '../objects/resource.ts';
import { imageStreams } from './imagestream.ts';
import { imageStreamImages } from './imagestreamimage.ts';
import { imageStreamMappings } from './imagestreammapping.ts';
import { imageStreamTags } from './imagestreamtag.ts';

export const imageResources: readonly Resource[] = [
  images,
  imageStreamImages,
  imageStreamMappings,
  imageStreams,
  imageStreamTags,
];
