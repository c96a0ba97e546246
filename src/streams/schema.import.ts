/** Schema of ImageStreamImport. Facts from openshift/api `image/v1/types.go`. */
import { imageSchema } from '../images/schema.ts';
import { field } from '../objects/component.ts';
import { objectMeta, status as statusSchema, typeMeta } from '../objects/metaschema.ts';
import { localObjectReferenceSchema, objectReferenceSchema } from '../objects/objectreference.ts';
import type { ObjectSchema } from '../objects/schema.ts';
import { tagImportPolicySchema, tagReferencePolicySchema } from './schema.tags.ts';
import { imageStreamSchema } from './schema.ts';

const API = 'com.github.openshift.api.image.v1';

const importPolicy = field(tagImportPolicySchema, 'How the images are fetched. Kept in the tags that are set.');
const referencePolicy = field(
  tagReferencePolicySchema,
  'Which registry those who use the tags pull from. Kept in the tags that have no policy yet.',
);
const includeManifest = {
  type: 'boolean',
  description:
    'Whether the answer holds the manifests. Only what is not stored comes with them: leave spec.import out.',
} as const;

const repositoryImportSpecSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.RepositoryImportSpec`,
  description: 'A whole repository to import.',
  required: ['from'],
  properties: {
    from: field(
      objectReferenceSchema,
      'The repository: kind DockerImage, and a name without tag and digest such as quay.io/team/app.',
    ),
    importPolicy,
    referencePolicy,
    includeManifest,
  },
};

const imageImportSpecSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageImportSpec`,
  description: 'One image to import.',
  required: ['from'],
  properties: {
    from: field(
      objectReferenceSchema,
      'The image: kind DockerImage, and a pull specification with a tag or digest such as quay.io/team/app:2.1; no tag stands for latest.',
    ),
    to: field(
      localObjectReferenceSchema,
      'The tag of the image stream that shall name the image. Left out, it is the tag in from; if there is none, the image is only looked up.',
      'pointer',
    ),
    importPolicy,
    referencePolicy,
    includeManifest,
  },
};

const imageStreamImportSpecSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamImportSpec`,
  description: 'What to import: images, a repository, or both.',
  required: ['import'],
  properties: {
    import: {
      type: 'boolean',
      empty: 'always',
      description:
        'Whether tags are set and images stored. Without it, what would be imported is looked up and answered, and nothing changes.',
    },
    repository: field(
      repositoryImportSpecSchema,
      'A repository of which all tags are imported, the most important first: latest, then the highest versions. The number is limited; the rest is listed in status.repository.additionalTags.',
      'pointer',
    ),
    images: {
      type: 'array',
      items: imageImportSpecSchema,
      description: 'Single images, each with the tag that shall name it.',
    },
  },
};

const imageImportStatusSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageImportStatus`,
  description: 'What came of one image.',
  required: ['status'],
  properties: {
    status: field(statusSchema, 'Success, or why the image could not be imported.'),
    image: field(imageSchema, 'The image, if it was found.', 'pointer'),
    tag: { type: 'string', description: 'The tag by which it was looked up; empty for a digest.' },
    manifests: {
      type: 'array',
      items: imageSchema,
      description: 'With importMode PreserveOriginal: the images of a manifest list or index, one a platform.',
    },
  },
};

const repositoryImportStatusSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.RepositoryImportStatus`,
  description: 'What came of the repository.',
  properties: {
    status: field(statusSchema, 'Success; or why the repository could not be read, or that some of its images failed.'),
    images: { type: 'array', items: imageImportStatusSchema, description: 'What came of each tag that was looked at.' },
    additionalTags: {
      type: 'array',
      items: { type: 'string' },
      description: 'Tags of the repository that were left out because it has more than are imported at once.',
    },
  },
};

const imageStreamImportStatusSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamImportStatus`,
  description: 'What came of the import.',
  properties: {
    import: field(imageStreamSchema, 'The image stream after the import, if spec.import was set.', 'pointer'),
    repository: field(repositoryImportStatusSchema, 'What came of spec.repository.', 'pointer'),
    images: {
      type: 'array',
      items: imageImportStatusSchema,
      description: 'What came of each of spec.images, in the same order.',
    },
  },
};

/** A request to import from another registry, and its answer. */
export const imageStreamImportSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageStreamImport`,
  description:
    'Imports images from another registry into an image stream at once, and answers with what was found; it is not stored. The name is that of the image stream, which is made if there is none. Credentials are the pull secrets of the namespace. Without spec.import it only looks: tools use that to read the config of an image before they decide.',
  required: ['spec'],
  properties: {
    ...typeMeta,
    metadata: field(objectMeta, 'Metadata: the name and namespace of the image stream.'),
    spec: field(imageStreamImportSpecSchema, 'What to import.'),
    status: field(imageStreamImportStatusSchema, 'What came of it. Filled by the server.'),
  },
};
