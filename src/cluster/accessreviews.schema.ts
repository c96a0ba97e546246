/** Schemas of the reviews of authorization.k8s.io: questions about what somebody may do. */
import { objectMeta, typeMeta } from '../objects/metaschema.ts';
import type { ArraySchema, ObjectSchema, Property } from '../objects/schema.ts';
import { words } from './rolerules.ts';

/** Where components of the group live in OpenAPI. */
const AUTHORIZATION_V1 = 'io.k8s.api.authorization.v1';

function text(description: string): Property {
  return { type: 'string', description };
}

const requirement: ObjectSchema = {
  type: 'object',
  component: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldSelectorRequirement',
  description: 'A condition on one field.',
  required: ['key', 'operator'],
  properties: {
    key: { type: 'string', empty: 'always', description: 'The field.' },
    operator: { type: 'string', empty: 'always', description: '`In`, `NotIn`, `Exists` or `DoesNotExist`.' },
    values: words('The values for `In` and `NotIn`.'),
  },
};

function selectorAttributes(kind: 'Field' | 'Label', description: string): Property {
  return {
    type: 'object',
    empty: 'pointer',
    component: `${AUTHORIZATION_V1}.${kind}SelectorAttributes`,
    description,
    properties: {
      rawSelector: text('The selector as a query has it. Not together with requirements.'),
      requirements: {
        type: 'array',
        items:
          kind === 'Field'
            ? requirement
            : { ...requirement, component: 'io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement' },
        listType: 'atomic',
        description: 'Its conditions.',
      },
    },
  };
}

const resourceAttributes: Property = {
  type: 'object',
  empty: 'pointer',
  component: `${AUTHORIZATION_V1}.ResourceAttributes`,
  description: 'What is asked about a resource. Either this or nonResourceAttributes.',
  properties: {
    namespace: text('The namespace; empty for the whole cluster.'),
    verb: text('What is to be done: `get`, `list`, `create`…; `*` asks for all.'),
    group: text('The API group; `*` asks for all.'),
    version: text('The version; of no influence.'),
    resource: text('The resource, by its plural; `*` asks for all.'),
    subresource: text('The subresource.'),
    name: text('The name of the object; empty for all of them.'),
    fieldSelector: selectorAttributes('Field', 'The field selector of a list; of no influence.'),
    labelSelector: selectorAttributes('Label', 'The label selector of a list; of no influence.'),
  },
};

const nonResourceAttributes: Property = {
  type: 'object',
  empty: 'pointer',
  component: `${AUTHORIZATION_V1}.NonResourceAttributes`,
  description: 'What is asked about a path that is no resource.',
  properties: { path: text('The path.'), verb: text('The method, in lower case.') },
};

const subject: Readonly<Record<string, Property>> = {
  user: text('The user that is asked about.'),
  groups: words('The groups of that user.'),
  extra: {
    type: 'map',
    values: { type: 'array', items: { type: 'string' } },
    description: 'What else is known of that user.',
  },
  uid: text('The uid of that user.'),
};

const status: Property = {
  type: 'object',
  component: `${AUTHORIZATION_V1}.SubjectAccessReviewStatus`,
  description: 'The answer.',
  required: ['allowed'],
  properties: {
    allowed: { type: 'boolean', empty: 'always', description: 'Whether it may be done.' },
    denied: { type: 'boolean', description: 'Whether it is forbidden whatever else allows it; never set.' },
    reason: text('Why.'),
    evaluationError: text('What could not be looked at.'),
  },
};

function reviewSchema(kind: string, description: string, spec: Property): ObjectSchema {
  return {
    type: 'object',
    component: `${AUTHORIZATION_V1}.${kind}`,
    description,
    required: ['spec'],
    properties: {
      ...typeMeta,
      metadata: { ...objectMeta, description: 'Must be empty, but for the namespace of a local review.' },
      spec,
      status,
    },
  };
}

const subjectSpec: Property = {
  type: 'object',
  component: `${AUTHORIZATION_V1}.SubjectAccessReviewSpec`,
  description: 'The question, and whom it is about.',
  properties: { resourceAttributes, nonResourceAttributes, ...subject },
};

export const subjectAccessReviewSchema = reviewSchema(
  'SubjectAccessReview',
  'Asks whether somebody may do something.',
  subjectSpec,
);
export const localSubjectAccessReviewSchema = reviewSchema(
  'LocalSubjectAccessReview',
  'Asks whether somebody may do something in the namespace of the request.',
  subjectSpec,
);
export const selfSubjectAccessReviewSchema = reviewSchema(
  'SelfSubjectAccessReview',
  'Asks whether the caller may do something.',
  {
    type: 'object',
    component: `${AUTHORIZATION_V1}.SelfSubjectAccessReviewSpec`,
    description: 'The question.',
    properties: { resourceAttributes, nonResourceAttributes },
  },
);

function always(property: ArraySchema & Property): Property {
  return { ...property, empty: 'always' };
}

const resourceRule: ObjectSchema = {
  type: 'object',
  component: `${AUTHORIZATION_V1}.ResourceRule`,
  description: 'What may be done with resources.',
  required: ['verbs'],
  properties: {
    verbs: always(words('The verbs; `*` is all.')),
    apiGroups: words('The API groups; `*` is all.'),
    resources: words('The resources; `*` is all.'),
    resourceNames: words('If there are any, only objects of these names.'),
  },
};

const nonResourceRule: ObjectSchema = {
  type: 'object',
  component: `${AUTHORIZATION_V1}.NonResourceRule`,
  description: 'What may be done with paths.',
  required: ['verbs'],
  properties: {
    verbs: always(words('The methods, in lower case.')),
    nonResourceURLs: words('The paths; a `*` at the end stands for the rest.'),
  },
};

export const selfSubjectRulesReviewSchema: ObjectSchema = {
  type: 'object',
  component: `${AUTHORIZATION_V1}.SelfSubjectRulesReview`,
  description:
    'Asks for all that the caller may do in a namespace. For people to read: ask about each thing to decide.',
  required: ['spec'],
  properties: {
    ...typeMeta,
    metadata: { ...objectMeta, description: 'Of no meaning.' },
    spec: {
      type: 'object',
      component: `${AUTHORIZATION_V1}.SelfSubjectRulesReviewSpec`,
      description: 'The question.',
      properties: { namespace: text('The namespace. Needed.') },
    },
    status: {
      type: 'object',
      component: `${AUTHORIZATION_V1}.SubjectRulesReviewStatus`,
      description: 'The answer.',
      required: ['resourceRules', 'nonResourceRules', 'incomplete'],
      properties: {
        resourceRules: {
          type: 'array',
          items: resourceRule,
          listType: 'atomic',
          empty: 'always',
          description: 'What may be done with resources, in no order.',
        },
        nonResourceRules: {
          type: 'array',
          items: nonResourceRule,
          listType: 'atomic',
          empty: 'always',
          description: 'What may be done with paths, in no order.',
        },
        incomplete: { type: 'boolean', empty: 'always', description: 'Whether there may be more.' },
        evaluationError: text('What could not be looked at.'),
      },
    },
  },
};
