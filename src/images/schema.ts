/**
 * Schemas of Image and ImageSignature. Names, order, what is left out when empty and merge keys are those of
 * openshift/api `image/v1/types.go`.
 */
import { field } from '../objects/component.ts';
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { ObjectSchema } from '../objects/schema.ts';

const API = 'com.github.openshift.api.image.v1';

const signatureConditionSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.SignatureCondition`,
  description: 'One thing that has been found out about a signature, and when.',
  required: ['type', 'status'],
  properties: {
    type: {
      type: 'string',
      empty: 'always',
      description:
        'What was looked at. Trusted: the signature is genuine and its key is trusted. ForImage: it was made for this very image. Expired: it is past its time. Revoked: its maker took it back. Trusted and ForImage come together.',
    },
    status: {
      type: 'string',
      empty: 'always',
      description: 'True, False, or Unknown if it could not be found out.',
    },
    lastProbeTime: {
      type: 'string',
      format: 'date-time',
      empty: 'always',
      description: 'When this was last looked at.',
    },
    lastTransitionTime: {
      type: 'string',
      format: 'date-time',
      empty: 'always',
      description: 'When the status last became another.',
    },
    reason: { type: 'string', description: 'Why the status is what it is, in one word that programs can rely on.' },
    message: { type: 'string', description: 'Why the status is what it is, as a sentence for people.' },
  },
};

const organization = { type: 'string', description: 'Name of the organization.' } as const;
const commonName = {
  type: 'string',
  description: 'Name of the person or service, such as release-signing.',
} as const;

const signatureIssuerSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.SignatureIssuer`,
  description: 'Who vouches for the key or certificate that a signature was made with.',
  properties: { organization, commonName },
};

const signatureSubjectSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.SignatureSubject`,
  description: 'Who made a signature.',
  required: ['publicKeyID'],
  properties: {
    organization,
    commonName,
    publicKeyID: {
      type: 'string',
      empty: 'always',
      description:
        'Identifies the public key that proves the signature: at least the last 64 bits of its fingerprint, such as 0x685ebe62bf278440.',
    },
  },
};

/** A signature; inside an Image, and as the resource that adds one to its Image. */
export const imageSignatureSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageSignature`,
  description:
    'A signature of an image. Its name is <image>@<name of the signature>. Creating one adds it to its image, deleting it takes it away. Only type and content come from the client and prove anything; the other members tell what was read in the content and are for people.',
  required: ['type', 'content'],
  properties: {
    ...typeMeta,
    metadata: field(
      objectMeta,
      'Metadata of the signature. The name joins the image and a name of your choice with an @; labels and annotations are not allowed.',
    ),
    type: {
      type: 'string',
      empty: 'always',
      description:
        'Format of the content, such as AtomicImageV1 for the OpenPGP signatures that podman and skopeo make.',
    },
    content: {
      type: 'string',
      format: 'byte',
      empty: 'always',
      description: 'The signature itself, in base64.',
    },
    conditions: {
      type: 'array',
      items: signatureConditionSchema,
      patchStrategy: 'merge',
      patchMergeKey: 'type',
      description: 'What has been found out about the signature so far.',
    },
    imageIdentity: {
      type: 'string',
      description:
        'The image that the signature says it is for, usually a pull specification such as quay.io/team/app:2.1.',
    },
    signedClaims: {
      type: 'map',
      values: { type: 'string' },
      description: 'Further statements that were signed, by name.',
    },
    created: { type: 'string', format: 'date-time', description: 'When the signature says it was made.' },
    issuedBy: field(
      signatureIssuerSchema,
      'Who vouches for the key or certificate of the signature, if that is known.',
      'pointer',
    ),
    issuedTo: field(signatureSubjectSchema, 'Who made the signature, if that is known.', 'pointer'),
  },
};

const imageLayerSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageLayer`,
  description: 'One layer of an image: a blob of the registry.',
  required: ['name', 'size', 'mediaType'],
  properties: {
    name: { type: 'string', empty: 'always', description: 'Digest of the layer, such as sha256:….' },
    size: {
      type: 'integer',
      format: 'int64',
      empty: 'always',
      description: 'Size of the layer as it is stored and moved, in bytes.',
    },
    mediaType: {
      type: 'string',
      empty: 'always',
      description: 'Media type of the layer: what archive it is and how it is compressed.',
    },
  },
};

const imageManifestSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.ImageManifest`,
  description:
    'One image of a manifest list or OCI index: the build for one platform. It has an Image object of its own.',
  required: ['digest', 'mediaType', 'manifestSize', 'architecture', 'os'],
  properties: {
    digest: {
      type: 'string',
      empty: 'always',
      description: "Digest of the platform's manifest, which is the name of its Image.",
    },
    mediaType: { type: 'string', empty: 'always', description: "Media type of the platform's manifest." },
    manifestSize: {
      type: 'integer',
      format: 'int64',
      empty: 'always',
      description: "Size of the platform's manifest in bytes.",
    },
    architecture: {
      type: 'string',
      empty: 'always',
      description: 'Processor architecture, as Go names it: amd64, arm64, ppc64le….',
    },
    os: { type: 'string', empty: 'always', description: 'Operating system, as Go names it: linux, windows….' },
    variant: { type: 'string', description: 'Variant of the architecture, such as v7 of arm.' },
  },
};

/** An image. */
export const imageSchema: ObjectSchema = {
  type: 'object',
  component: `${API}.Image`,
  description:
    'A container image that this server knows: pushed to its registry, imported from another, or entered by a client. Its name is the digest of its manifest, so the same image is one object, however many tags of however many image streams name it. Images are for administrators and registries; everyone else sees them as imagestreamtags and imagestreamimages.',
  properties: {
    ...typeMeta,
    metadata: field(objectMeta, 'Metadata of the image. The name is the digest of its manifest.'),
    dockerImageReference: {
      type: 'string',
      description: 'Where the image can be pulled: a reference that docker or podman pull as it is.',
    },
    dockerImageMetadata: {
      type: 'any',
      component: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
      patchStrategy: 'replace',
      description:
        "What the image's config says: an object of kind DockerImage with Created, Author, Architecture, Config (command, environment, ports, volumes, labels), Size and more. Size counts the config and every distinct layer, in bytes. Made from manifest and config when there are any; cannot be changed later.",
    },
    dockerImageMetadataVersion: {
      type: 'string',
      description: 'Spelling of dockerImageMetadata: 1.0, also when empty, or pre012 for the one of very old clients.',
    },
    dockerImageManifest: {
      type: 'string',
      description:
        'The manifest, character for character. Empty where the registry keeps it as a blob (the annotation image.openshift.io/manifestBlobStored says so), and always inside imagestreamtags and imagestreamimages.',
    },
    dockerImageLayers: {
      type: 'array',
      items: imageLayerSchema,
      description:
        'The layers, the base first. Empty for a manifest list or index, whose layers are those of its platforms.',
    },
    signatures: {
      type: 'array',
      items: imageSignatureSchema,
      patchStrategy: 'merge',
      patchMergeKey: 'name',
      description: 'The signatures of the image that are stored with it.',
    },
    dockerImageSignatures: {
      type: 'array',
      items: { type: 'string', format: 'byte' },
      description: 'Signatures that were part of a manifest of the old schema 1, in base64.',
    },
    dockerImageManifestMediaType: {
      type: 'string',
      description: 'Media type of the manifest; tells an image for one platform from a manifest list or index.',
    },
    dockerImageConfig: {
      type: 'string',
      description:
        "The image's config, character for character. Empty where the manifest is, and for a manifest list or index.",
    },
    dockerImageManifests: {
      type: 'array',
      items: imageManifestSchema,
      description:
        'Of a manifest list or index: its images, one a platform, each with an Image object of its own. Excludes dockerImageLayers.',
    },
  },
};
