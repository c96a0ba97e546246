/**
 * Schemas of the resources that are about image streams. Names, order, what is left out when empty and merge keys are
 * those of openshift/api `image/v1/types.go`.
 */
import { imageSchema } from '../images/schema.ts';
import { field } from '../objects/component.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import {
  imageLookupPolicySchema,
  namedTagEventListSchema,
  tagEventConditionSchema,
  tagReferenceSchema,
} from './schema.tags.ts';

const API = 'com.github.openshift.api.image.v1';

const imageStreamSpecSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamSpec`,
  description: 'What an image stream should be.',
  properties: {
    lookupPolicy: field(imageLookupPolicySchema, 'Whether short image names in this namespace mean this image stream.'),
    dockerImageRepository: {
      type: 'string',
      description:
        'A repository of another registry, such as quay.io/team/app, whose tags are imported into this image stream. No longer recommended: name each tag with its from instead.',
    },
    tags: {
      type: 'array',
      items: tagReferenceSchema,
      patchStrategy: 'merge',
      patchMergeKey: 'name',
      description: 'The tags with where each takes its image from. Tags that were only pushed need no entry here.',
    },
  },
};

const imageStreamStatusSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamStatus`,
  description: 'What an image stream is. Filled by the server.',
  properties: {
    dockerImageRepository: {
      type: 'string',
      empty: 'always',
      description: "The image stream's repository in the registry of this server: where to push to and pull from.",
    },
    publicDockerImageRepository: {
      type: 'string',
      description: 'The same repository as it is reached from outside, if a public host name is set up.',
    },
    tags: {
      type: 'array',
      items: namedTagEventListSchema,
      patchStrategy: 'merge',
      patchMergeKey: 'tag',
      description: 'The tags with the images that each has named, newest first.',
    },
  },
};

/** An image stream. */
export const imageStreamSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStream`,
  description:
    'A named set of tags that keeps the history of each. A tag moves when an image is pushed, imported from another registry or tagged; every image that it named before stays listed in status.tags and can be pulled by digest. It is at the same time a repository of the registry, named <namespace>/<name>. Pulling needs the right to get imagestreams/layers, pushing the right to update imagestreams/layers. Delete an imagestreamtag to remove a tag with its history.',
  properties: {
    ...typeMeta,
    metadata: field(objectMeta, 'Metadata of the image stream.'),
    spec: field(imageStreamSpecSchema, 'What the image stream should be: its tags and where they come from.'),
    status: field(imageStreamStatusSchema, 'What it is: its repository, and the history of every tag.'),
  },
};

/** A tag with its newest image. */
export const imageStreamTagSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamTag`,
  description:
    'A tag of an image stream with the image that it names. The name is <stream>:<tag>. While an import runs or after it failed, the image is the one before; a tag that never named an image is not found here, but as an imagetag. Writing one sets the tag in the image stream, and makes the image stream if there is none; deleting one removes the tag with its history.',
  required: ['tag', 'generation', 'lookupPolicy', 'image'],
  properties: {
    ...typeMeta,
    metadata: field(
      objectMeta,
      "Metadata: labels, UID and resource version are the image stream's, annotations are the tag's, and the creation time is when the tag came to name its image.",
    ),
    tag: field(
      tagReferenceSchema,
      'Where the tag takes its image from, as in spec.tags of the image stream; null for a tag that was only pushed.',
      'always',
    ),
    generation: {
      type: 'integer',
      format: 'int64',
      empty: 'always',
      description:
        'Generation of the newest history entry. If it is lower than tag.generation, an import is still to come, or has failed, which conditions then tell.',
    },
    lookupPolicy: field(
      imageLookupPolicySchema,
      'Whether short image names in this namespace mean the image stream of this tag. Set in the image stream, shown here.',
    ),
    conditions: {
      type: 'array',
      items: tagEventConditionSchema,
      description: 'What went wrong with the last import of the tag; empty when nothing did.',
    },
    image: field(
      imageSchema,
      'The image that the tag names, without manifest and config. dockerImageReference is where to pull it by the reference policy of the tag.',
    ),
  },
};

/** A tag as it should be and as it is. */
export const imageTagSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageTag`,
  description:
    'A tag of an image stream: what it should be, its whole history, and its image, whichever of them there is. The name is <stream>:<tag>. Every tag in spec or status of the image stream is found here, also one that has yet to be imported. Only spec can be written; deleting removes the tag with its history.',
  required: ['spec', 'status', 'image'],
  properties: {
    ...typeMeta,
    metadata: field(objectMeta, 'Metadata: that of the image stream, but for the name.'),
    spec: field(
      tagReferenceSchema,
      'Where the tag takes its image from, as in spec.tags of the image stream; null for a tag that was only pushed.',
      'always',
    ),
    status: field(
      namedTagEventListSchema,
      'The history of the tag, as in status.tags of the image stream; null if nothing was pushed or imported yet.',
      'always',
    ),
    image: field(
      imageSchema,
      'The image that the newest history entry names; null if there is none or it was deleted. Not filled in lists. It may be older than spec: compare the generations of spec and of the newest entry.',
      'always',
    ),
  },
};

/** An image of an image stream, by its digest. */
export const imageStreamImageSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamImage`,
  description:
    'An image of an image stream, found by its digest. The name is <stream>@<digest>; the first characters of the digest are enough, with or without sha256:. Found is every image that a tag of the image stream names or has ever named, and every platform of those that have several. Use it to look at an image of the past, or as the from of a tag to go back to it. It can only be read.',
  required: ['image'],
  properties: {
    ...typeMeta,
    metadata: field(
      objectMeta,
      "Metadata: the name as it was asked for, the image stream's annotations, and the creation time of the image.",
    ),
    image: field(
      imageSchema,
      'The image, without manifest and config. dockerImageReference is the one that the image was first stored with.',
    ),
  },
};

/** What a registry says after a push. */
export const imageStreamMappingSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamMapping`,
  description:
    'Stores an image and moves a tag to it in one step. Registries and build tools create these when an image was pushed; they cannot be read. The name is that of the image stream, which must exist. Whoever may pull from the image stream may pull the image afterwards, so create one only for an image whose bytes the user has shown to have.',
  required: ['image', 'tag'],
  properties: {
    ...typeMeta,
    metadata: field(objectMeta, 'Metadata: the name and namespace of the image stream.'),
    image: field(
      imageSchema,
      'The image. One that is stored already is left as it is. Without dockerImageReference, it is taken to be in the repository of the image stream.',
    ),
    tag: { type: 'string', empty: 'always', description: 'Name of the tag that names the image from now on.' },
  },
};

const imageLayerDataSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageLayerData`,
  description: 'Facts of one blob.',
  required: ['size', 'mediaType'],
  properties: {
    size: {
      type: 'integer',
      format: 'int64',
      empty: 'pointer',
      description: 'Size of the blob in bytes; null if it is not known, as for configs and manifests.',
    },
    mediaType: { type: 'string', empty: 'always', description: 'Media type of the blob.' },
  },
};

const imageBlobReferencesSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageBlobReferences`,
  description: 'The blobs that make up one image.',
  properties: {
    imageMissing: {
      type: 'boolean',
      empty: 'always',
      description: 'Whether the Image is gone though a tag still names it; its layers and config are not known then.',
    },
    layers: {
      type: 'array',
      items: { type: 'string' },
      empty: 'always',
      description: 'Digests of the layers, the base first. Each is in blobs.',
    },
    config: {
      type: 'string',
      empty: 'pointer',
      description: 'Digest of the config; null if the image has none that is a blob. It is in blobs.',
    },
    manifests: {
      type: 'array',
      items: { type: 'string' },
      description: 'Of a manifest list or index: the names of its images, one a platform. Each is in images.',
    },
  },
};

/** All blobs of an image stream. */
export const imageStreamLayersSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamLayers`,
  description:
    'Every image and every blob that an image stream has in its history: what may be pulled from its repository, and what copying or pruning it is about.',
  required: ['blobs', 'images'],
  properties: {
    ...typeMeta,
    metadata: field(objectMeta, 'Metadata: that of the image stream.'),
    blobs: {
      type: 'map',
      values: imageLayerDataSchema,
      empty: 'always',
      description: 'All layers, configs and manifests by digest.',
    },
    images: {
      type: 'map',
      values: imageBlobReferencesSchema,
      empty: 'always',
      description: 'All images by name, each with its blobs.',
    },
  },
};
