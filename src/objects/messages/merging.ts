/** What clients and server-side apply need to know of Kubernetes' kinds beside the names and types of their members. */

/**
 * Lists whose items are told apart, by message and member: `merge` (or `retain`, which also replaces what an item holds
 * of other kinds), the key of patches, then further keys of server-side apply, or `atomic` if that takes the list as a
 * whole. All other lists are taken as a whole.
 */
export const LISTS: Readonly<Record<string, string>> = {
  'Container.env': 'merge name',
  'Container.ports': 'merge containerPort protocol',
  'Container.volumeDevices': 'merge devicePath',
  'Container.volumeMounts': 'merge mountPath',
  'DaemonSetStatus.conditions': 'merge type',
  'DeploymentStatus.conditions': 'merge type',
  'EphemeralContainerCommon.env': 'merge name',
  'EphemeralContainerCommon.ports': 'merge containerPort protocol',
  'EphemeralContainerCommon.volumeDevices': 'merge devicePath',
  'EphemeralContainerCommon.volumeMounts': 'merge mountPath',
  'JobStatus.conditions': 'merge type atomic',
  'HorizontalPodAutoscalerStatus.conditions': 'merge type',
  'NodeStatus.addresses': 'merge type',
  'NodeStatus.conditions': 'merge type',
  'PersistentVolumeClaimStatus.conditions': 'merge type',
  'PodDisruptionBudgetStatus.conditions': 'merge type',
  'CSINodeSpec.drivers': 'merge name',
  'PodSpec.containers': 'merge name',
  'PodSpec.ephemeralContainers': 'merge name',
  'PodSpec.hostAliases': 'merge ip',
  'PodSpec.imagePullSecrets': 'merge name',
  'PodSpec.initContainers': 'merge name',
  'PodSpec.resourceClaims': 'retain name',
  'PodSpec.schedulingGates': 'merge name',
  'PodSpec.topologySpreadConstraints': 'merge topologyKey whenUnsatisfiable',
  'PodSpec.volumes': 'retain name',
  'PodStatus.conditions': 'merge type',
  'PodStatus.hostIPs': 'merge ip atomic',
  'PodStatus.podIPs': 'merge ip',
  'PodStatus.resourceClaimStatuses': 'retain name',
  'ReplicaSetStatus.conditions': 'merge type',
  'ReplicationControllerStatus.conditions': 'merge type',
  'ServiceSpec.ports': 'merge port protocol',
  'ServiceStatus.conditions': 'merge type',
  'StatefulSetStatus.conditions': 'merge type',
  'apps/DeploymentConfigStatus.conditions': 'merge type',
  'build/BuildStatus.conditions': 'merge type',
};

/** Messages that one manager owns as a whole. */
export const ATOMIC_MESSAGES: ReadonlySet<string> = new Set([
  'ConfigMapKeySelector',
  'FileKeySelector',
  'NodeSelector',
  'NodeSelectorTerm',
  'ObjectFieldSelector',
  'ResourceFieldSelector',
  'SecretKeySelector',
  'TopologySelectorTerm',
  'TypedLocalObjectReference',
]);

/** The same for maps. */
export const ATOMIC_MAPS: ReadonlySet<string> = new Set([
  'PodSpec.nodeSelector',
  'ReplicationControllerSpec.selector',
  'Scheduling.nodeSelector',
  'ServiceSpec.selector',
]);

/** What stands for members that are not given: only what other rules rely on. */
export const DEFAULTS: Readonly<Record<string, string | number | boolean>> = {
  'CSIDriverSpec.attachRequired': true,
  'CSIDriverSpec.fsGroupPolicy': 'ReadWriteOnceWithFSType',
  'CSIDriverSpec.podInfoOnMount': false,
  'CSIDriverSpec.requiresRepublish': false,
  'CSIDriverSpec.storageCapacity': false,
  'ContainerPort.protocol': 'TCP',
  'DeploymentSpec.replicas': 1,
  'EndpointPort.protocol': 'TCP',
  'IngressClassParametersReference.scope': 'Cluster',
  'PersistentVolumeSpec.persistentVolumeReclaimPolicy': 'Retain',
  'PersistentVolumeSpec.volumeMode': 'Filesystem',
  'PriorityClass.preemptionPolicy': 'PreemptLowerPriority',
  'PriorityClass.value': 0,
  'ReplicaSetSpec.replicas': 1,
  'ReplicationControllerSpec.replicas': 1,
  'ServicePort.protocol': 'TCP',
  'ServiceSpec.type': 'ClusterIP',
  'StatefulSetSpec.replicas': 1,
  'StorageClass.reclaimPolicy': 'Delete',
  'StorageClass.volumeBindingMode': 'Immediate',
  'discovery/EndpointPort.name': '',
  'discovery/EndpointPort.protocol': 'TCP',
};
