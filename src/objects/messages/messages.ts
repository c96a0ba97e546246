/**
 * The protobuf messages of Kubernetes' own kinds: which field number is which member of the JSON, as published in
 * `generated.proto` of k8s.io/api. One message stands on each line (lines that are indented go on):
 *
 *     Name: 1 member type, 2 member type*, 3 member {type}, 4 Type
 *
 * `type*` is a list, `{type}` a map from strings, and a type without a member's name lends its members to the message
 * that it stands in. What is none of the plain types is another message.
 */
import { accessMessages } from './access.ts';
import { classesMessages } from './classes.ts';
import { coreMessages } from './core.ts';
import { metaMessages } from './meta.ts';
import { nodesMessages } from './nodes.ts';
import { openshiftMessages } from './openshift.ts';
import { podsMessages } from './pods.ts';
import { policiesMessages } from './policies.ts';
import { storageMessages } from './storage.ts';
import { volumesMessages } from './volumes.ts';
import { workloadsMessages } from './workloads.ts';

/** Types that are no messages of the tables; those from `time` on are messages that JSON writes as something else. */
const PLAIN = [
  'string',
  'int',
  'bool',
  'double',
  'bytes',
  /** Seconds and nanoseconds: RFC 3339. */
  'time',
  /** The same to the microsecond. */
  'microtime',
  /** A text inside a message. */
  'quantity',
  'intorstring',
  /** JSON, as bytes inside a message. */
  'json',
  /** A list of strings inside a message. */
  'strings',
] as const;

export type PlainType = (typeof PLAIN)[number];

export interface Field {
  /** The member of the JSON; '' where the fields of the message stand in the message around it. */
  readonly member: string;
  readonly holds: 'one' | 'list' | 'map';
  readonly type: PlainType | { readonly message: string };
}

/** The fields of a message by their numbers. */
export type Message = ReadonlyMap<number, Field>;

const TABLES = [
  accessMessages,
  classesMessages,
  coreMessages,
  metaMessages,
  nodesMessages,
  openshiftMessages,
  podsMessages,
  policiesMessages,
  storageMessages,
  volumesMessages,
  workloadsMessages,
];

/** Kinds that are sent as such, by apiVersion. */
const KINDS: Readonly<Record<string, string>> = {
  v1: `Binding ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate
    ReplicationController ResourceQuota Secret Service ServiceAccount`,
  'apps/v1': 'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet',
  'authentication.k8s.io/v1': 'SelfSubjectReview TokenRequest TokenReview',
  'authorization.k8s.io/v1':
    'LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview',
  'autoscaling/v1': 'Scale',
  'autoscaling/v2': 'HorizontalPodAutoscaler',
  'batch/v1': 'CronJob Job',
  'coordination.k8s.io/v1': 'Lease',
  'discovery.k8s.io/v1': 'EndpointSlice',
  'events.k8s.io/v1': 'Event',
  'networking.k8s.io/v1': 'Ingress IngressClass NetworkPolicy',
  'node.k8s.io/v1': 'RuntimeClass',
  'policy/v1': 'Eviction PodDisruptionBudget',
  'rbac.authorization.k8s.io/v1': 'ClusterRole ClusterRoleBinding Role RoleBinding',
  'scheduling.k8s.io/v1': 'PriorityClass',
  'storage.k8s.io/v1': 'CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment',
};

/** All messages by name; read when the first of them is asked for. */
let messages: ReadonlyMap<string, Message> | undefined;

function allMessages(): ReadonlyMap<string, Message> {
  messages ??= new Map(TABLES.flatMap(messagesOf));
  return messages;
}

function messagesOf(table: string): [string, Message][] {
  return table
    .replaceAll(/\n +/g, ' ')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', fields = ''] = line.split(': ');
      return [name, new Map(fields.split(', ').map(fieldOf))];
    });
}

function fieldOf(text: string): [number, Field] {
  const words = text.split(' ');
  const type = words.at(-1) ?? '';
  const member = words.length > 2 ? (words[1] ?? '') : '';
  const holds = type.endsWith('*') ? 'list' : type.startsWith('{') ? 'map' : 'one';
  const name = type.replaceAll(/[*{}]/g, '');
  const plain = PLAIN.find((each) => each === name);
  return [Number(words[0]), { member, holds, type: plain ?? { message: name } }];
}

/**
 * A message by its name.
 * @throws {Error} if there is none, which is a mistake in the tables.
 */
export function messageNamed(name: string): Message {
  const message = allMessages().get(name);
  if (!message) throw new Error(`the tables of protobuf messages have no ${name}`);
  return message;
}

/** The message of a kind: undefined if the kind is not known, `other` if the whole group is not. */
export function messageOfKind(apiVersion: string, kind: string): Message | 'other' | undefined {
  // Clients send these under the apiVersion of whatever they delete.
  if (kind === 'DeleteOptions') return messageNamed(kind);
  const group = apiVersion.slice(0, apiVersion.indexOf('/') + 1);
  if (!Object.keys(KINDS).some((known) => known.slice(0, known.indexOf('/') + 1) === group)) return 'other';
  if (!Object.hasOwn(KINDS, apiVersion)) return undefined;
  if (!KINDS[apiVersion]?.split(/\s+/).includes(kind)) return undefined;
  return messageNamed(apiVersion === 'events.k8s.io/v1' ? `Reported${kind}` : kind);
}
