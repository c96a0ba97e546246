/**
 * Schemas of a tag's two sides: what it should be (spec) and what it was and is (status). Facts from openshift/api
 * `image/v1/types.go`.
 */
import { field } from '../objects/component.ts';
import { objectReferenceSchema } from '../objects/objectreference.ts';
import type { ObjectSchema } from '../objects/schema.ts';

const API = 'com.github.openshift.api.image.v1';

/** How a tag is imported. */
export const tagImportPolicySchema: ObjectSchema = {
  type: 'object',
  component: `${API}.TagImportPolicy`,
  description: 'How images are fetched from another registry.',
  properties: {
    insecure: {
      type: 'boolean',
      description:
        "Whether the other registry's certificate may go unchecked, and plain HTTP be used if it offers no TLS.",
    },
    scheduled: {
      type: 'boolean',
      description:
        'Whether the tag is looked up again from time to time and follows what it finds. Only for tags that come from another registry.',
    },
    importMode: {
      type: 'string',
      default: 'Legacy',
      description:
        'What becomes of an image for several platforms. Legacy, the default: one platform is picked and imported as a plain image: the one that the annotations importer.image.openshift.io/prefer-os and prefer-arch of the tag ask for, else that of this server, else linux/amd64, else the first. PreserveOriginal: the manifest list or index is imported as it is, with all its platforms.',
    },
  },
};

/** Which registry consumers of a tag pull from. */
export const tagReferencePolicySchema: ObjectSchema = {
  type: 'object',
  component: `${API}.TagReferencePolicy`,
  description: 'Which registry those who use the tag pull from.',
  required: ['type'],
  properties: {
    type: {
      type: 'string',
      empty: 'always',
      default: 'Source',
      description:
        'Source, the default: from where the image came. Local: from the registry of this server, which fetches what it lacks with the pull secrets of the namespace; users then need no account elsewhere, and images stay available when the other registry is not.',
    },
  },
};

/** Whether short image names of a namespace mean an image stream. */
export const imageLookupPolicySchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageLookupPolicy`,
  description: 'Whether short image names in the same namespace mean this image stream.',
  required: ['local'],
  properties: {
    local: {
      type: 'boolean',
      empty: 'always',
      description:
        'Whether an image name without registry and namespace, such as app or app:v1, in a workload of this namespace means the tag of this image stream. It is then replaced by the exact reference of the image that the tag names.',
    },
  },
};

/** A tag of spec.tags. */
export const tagReferenceSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.TagReference`,
  description: 'What a tag should be: where its image comes from, and how it is fetched and handed on.',
  required: ['name'],
  properties: {
    name: { type: 'string', empty: 'always', default: '', description: 'Name of the tag.' },
    annotations: {
      type: 'map',
      values: { type: 'string' },
      empty: 'always',
      description:
        'Annotations of the tag. They are shown on its imagestreamtag, and on the image there beside those of its own.',
    },
    from: field(
      objectReferenceSchema,
      'Where the image of the tag comes from. Kind DockerImage: any registry; the name is a pull specification and is imported. Kind ImageStreamTag: another tag; the name is <tag> or <stream>:<tag>, and tags of the same image stream are followed when they move, others are copied once. Kind ImageStreamImage: <stream>@<digest>, exactly that image. Without from, only pushes move the tag.',
      'pointer',
    ),
    reference: {
      type: 'boolean',
      description:
        'Whether the tag only names an image elsewhere: nothing is imported, and from is handed on as it stands.',
    },
    generation: {
      type: 'integer',
      format: 'int64',
      empty: 'null',
      description:
        "The image stream's generation at which this tag was last changed; set by the server. A tag whose newest history entry has a lower one is still to be imported. Write 0 to have it imported again; any other number, or none, keeps what is there.",
    },
    importPolicy: field(tagImportPolicySchema, 'How the image is fetched when from names another registry.'),
    referencePolicy: field(tagReferencePolicySchema, 'Which registry those who use the tag pull from.'),
  },
};

const tagEventSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.TagEvent`,
  description: 'One entry in the history of a tag: which image it named from then on.',
  required: ['created', 'dockerImageReference', 'image', 'generation'],
  properties: {
    created: {
      type: 'string',
      format: 'date-time',
      empty: 'always',
      description: 'When the tag came to name this image.',
    },
    dockerImageReference: { type: 'string', empty: 'always', description: 'Where the image can be pulled.' },
    image: {
      type: 'string',
      empty: 'always',
      description: 'Name of the Image, which is the digest of its manifest. Empty for a tag that is only a reference.',
    },
    generation: {
      type: 'integer',
      format: 'int64',
      empty: 'always',
      description:
        'The generation of the tag in spec, or of the image stream for a push, that brought this entry about.',
    },
  },
};

/** A condition of a tag. */
export const tagEventConditionSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.TagEventCondition`,
  description: 'Something that went wrong with a tag and still stands.',
  required: ['type', 'status', 'generation'],
  properties: {
    type: { type: 'string', empty: 'always', description: 'ImportSuccess is the only type there is.' },
    status: {
      type: 'string',
      empty: 'always',
      description: 'False: the last import failed. A success removes the condition, so True is not to be waited for.',
    },
    lastTransitionTime: {
      type: 'string',
      format: 'date-time',
      empty: 'always',
      description: 'When the import first failed in this way.',
    },
    reason: {
      type: 'string',
      description: 'Why it failed, in one word that programs can rely on: NotFound, Unauthorized….',
    },
    message: { type: 'string', description: 'Why it failed, as a sentence for people.' },
    generation: {
      type: 'integer',
      format: 'int64',
      empty: 'always',
      description:
        'The generation of the tag in spec whose import failed. A higher one there means that another try is due.',
    },
  },
};

/** A tag of status.tags. */
export const namedTagEventListSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.NamedTagEventList`,
  description: 'A tag with its history.',
  required: ['tag', 'items'],
  properties: {
    tag: { type: 'string', empty: 'always', description: 'Name of the tag.' },
    items: {
      type: 'array',
      items: tagEventSchema,
      empty: 'always',
      description: 'The images that the tag has named, newest first: the first is what it names now.',
    },
    conditions: {
      type: 'array',
      items: tagEventConditionSchema,
      description: 'What went wrong with the last import of the tag; empty when nothing did.',
    },
  },
};
