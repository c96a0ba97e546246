/** The resources of image.openshift.io/v1 that are served. */
import { images } from '../images/images.ts';
import { imageSignatures } from '../images/imagesignatures.ts';
import type { Resource } from '../objects/resource.ts';
import { imageStreams } from './imagestream.ts';
import { imageStreamImages } from './imagestreamimage.ts';
import { imageStreamImports } from './imagestreamimport.ts';
import { imageStreamMappings } from './imagestreammapping.ts';
import { imageStreamTags } from './imagestreamtag.ts';
import { imageTags } from './imagetag.ts';

export const imageResources: readonly Resource[] = [
  images,
  imageSignatures,
  imageStreamImages,
  imageStreamImports,
  imageStreamMappings,
  imageStreams,
  imageStreamTags,
  imageTags,
];
