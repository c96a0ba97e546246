/**
 * What members of Kubernetes' and OpenShift's kinds mean, for `kubectl explain`: one a line, as `Message.member: text`.
 * A member of that name of any other message is described by `*.member`; a message itself by its bare name.
 */
const TEXTS = `
*.activeDeadlineSeconds: How many seconds it may go on, from its start.
*.affinity: Which nodes and other pods it is drawn to, or kept from.
*.apiVersion: The API group and version of what is meant.
*.args: What the command is given. The image's own CMD if left out.
*.automountServiceAccountToken: Whether a token of the service account is put into the pod.
*.collisionCount: How often a name that was worked out was taken already.
*.command: What is run, without a shell. The image's own ENTRYPOINT if left out.
*.conditions: What is so, or not so, at the moment.
*.configMap: A config map as files.
*.containerName: The name of the container that is meant.
*.env: Environment variables; a later one of the same name counts.
*.fieldPath: Which field, as a path.
*.host: The host that is meant; the pod's own address if left out where a container is asked.
*.hostname: The name of the host.
*.image: The image, as registry/repository:tag or with a digest.
*.imagePullPolicy: Whether the image is pulled each time (Always), if it is not there (IfNotPresent), or not at all (Never).
*.imagePullSecrets: Secrets of the namespace with credentials for registries.
*.initialDelaySeconds: Seconds after the start of the container before it is asked for the first time.
*.ip: The address.
*.kind: The kind of what is meant.
*.labelSelector: Which objects are meant, by their labels.
*.lastTransitionTime: Since when the status is what it is.
*.lastUpdateTime: When this was last looked at.
*.limits: How much may be used at most, by the name of the resource.
*.loadBalancer: Where a load balancer is reached.
*.message: Why, for people.
*.minReadySeconds: Seconds that a new pod must be ready before it counts as available.
*.mountPath: Where in the container it is mounted.
*.namespace: The namespace of what is meant; that of the object if left out.
*.nodeName: The node that it is on.
*.nodeSelector: Labels that a node must have.
*.observedGeneration: The metadata.generation that whoever wrote the status had seen.
*.optional: Whether it may be missing.
*.path: The path.
*.paused: Whether nothing follows from changes at present.
*.periodSeconds: Seconds between two times.
*.phase: How far it has come, in one word.
*.podSelector: Which pods are meant, by their labels; an empty one means all of the namespace.
*.port: The port, by number or name.
*.protocol: TCP, UDP or SCTP.
*.readOnly: Whether nothing may be written to it.
*.reason: Why, as one word for programs.
*.replicas: How many pods there are, or shall be.
*.requests: How much is set aside, by the name of the resource.
*.resources: How much of the machine is set aside for it, and how much it may use at most.
*.revisionHistoryLimit: How many older revisions are kept to go back to.
*.secretName: The name of a secret of the namespace.
*.selector: Which pods are meant, by their labels.
*.serviceAccountName: The service account that the pod runs as.
*.spec: What is wanted.
*.startedAt: When it began.
*.status: What is.
*.targetPort: The port of the pods, by number or by the name that a container gives it.
*.template: The pods that are made.
*.terminationGracePeriodSeconds: Seconds that there are to end, after which it is ended by force.
*.timeoutSeconds: Seconds after which no answer counts as a failure.
*.triggers: What has it begin anew.
*.workingDir: The folder in which the command begins. The image's own if left out.
Container: A program that is run from an image.
Container.envFrom: Config maps and secrets of which each key becomes an environment variable.
Container.lifecycle: What is done after the start of the container, and before its end.
Container.livenessProbe: How it is found out that the container must be started again.
Container.name: The name of the container, unique in its pod.
Container.ports: The ports on which it listens: told, not enforced.
Container.readinessProbe: How it is found out that the container can answer; until then services lead past it.
Container.restartPolicy: For init containers: Always makes one that goes on beside the others.
Container.securityContext: What the container may do on its machine; goes before what the pod says.
Container.startupProbe: How it is found out that the container has started; until then the other probes wait.
Container.stdin: Whether its standard input stays open.
Container.tty: Whether it has a terminal.
Container.volumeDevices: Volumes that it sees as block devices.
Container.volumeMounts: Volumes of the pod that it sees, and where.
ContainerPort: A port on which a container listens.
ContainerPort.containerPort: The number of the port.
ContainerPort.hostPort: The port of the node that leads to it.
ContainerPort.name: A name by which services can mean the port.
ControllerRevision.data: What the workload was.
ControllerRevision.revision: The number of the revision: the later, the higher.
CronJobSpec.concurrencyPolicy: What becomes of a job whose time comes while the one before goes on: Allow, Forbid or Replace.
CronJobSpec.failedJobsHistoryLimit: How many failed jobs are kept.
CronJobSpec.jobTemplate: The jobs that are made.
CronJobSpec.schedule: When jobs begin, as cron says it.
CronJobSpec.startingDeadlineSeconds: Seconds after its time at which a job that was missed is still begun.
CronJobSpec.successfulJobsHistoryLimit: How many jobs that succeeded are kept.
CronJobSpec.suspend: Whether no jobs begin at present.
CronJobSpec.timeZone: The time zone of the schedule.
DeploymentSpec: What a deployment is to be.
DeploymentSpec.progressDeadlineSeconds: Seconds without progress after which a change counts as failed.
DeploymentSpec.strategy: How pods are replaced by others.
DeploymentStatus.availableReplicas: Pods that have been ready for long enough.
DeploymentStatus.readyReplicas: Pods that are ready.
DeploymentStatus.updatedReplicas: Pods that follow the template as it is.
DeploymentStrategy.rollingUpdate: How many pods may be missing, or be too many, while they are replaced.
DeploymentStrategy.type: RollingUpdate, step by step, or Recreate: all of them end before others begin.
Endpoint: Addresses of one pod, or of whatever answers.
Endpoint.addresses: The addresses; any of them will do.
EndpointConditions.ready: Whether it can answer.
EndpointConditions.serving: The same, also while it ends.
EndpointConditions.terminating: Whether it ends.
EndpointSlice.addressType: What the addresses are: IPv4, IPv6 or FQDN.
EndpointSlice.endpoints: What answers.
EndpointSlice.ports: The ports that each of them answers on.
EnvVar.name: The name of the variable.
EnvVar.value: Its value; $(NAME) stands for a variable that comes before it.
EnvVar.valueFrom: Where its value comes from, if it is not given here.
EnvVarSource.configMapKeyRef: A key of a config map.
EnvVarSource.fieldRef: A field of the pod.
EnvVarSource.resourceFieldRef: What the container may use of a resource.
EnvVarSource.secretKeyRef: A key of a secret.
HTTPGetAction.httpHeaders: Headers of the request.
HTTPGetAction.scheme: HTTP or HTTPS.
HorizontalPodAutoscalerSpec.behavior: How fast the number of pods may rise and fall.
HorizontalPodAutoscalerSpec.maxReplicas: The most pods that there shall be.
HorizontalPodAutoscalerSpec.metrics: What is measured, and what it shall come to.
HorizontalPodAutoscalerSpec.minReplicas: The fewest pods that there shall be.
HorizontalPodAutoscalerSpec.scaleTargetRef: What is scaled.
IngressClassSpec.controller: The program that routes, as DOMAIN/PATH.
IngressClassSpec.parameters: The object with its settings.
IngressRule.host: The host that the rule is for; any if left out.
IngressSpec.defaultBackend: Where requests go that no rule is for.
IngressSpec.ingressClassName: Who routes by it.
IngressSpec.rules: Which hosts and paths lead where.
IngressSpec.tls: For which hosts TLS ends here, and with which certificates.
JobSpec.backoffLimit: How often pods may fail before the job has.
JobSpec.completionMode: Indexed numbers the pods; NonIndexed takes them as all the same.
JobSpec.completions: How many pods must succeed.
JobSpec.parallelism: How many pods run at the same time.
JobSpec.suspend: Whether no pods run at present.
JobSpec.ttlSecondsAfterFinished: Seconds after its end at which the job is deleted.
JobStatus.active: Pods that run.
JobStatus.completionTime: When the job had succeeded.
JobStatus.failed: Pods that failed.
JobStatus.startTime: When the job began.
JobStatus.succeeded: Pods that succeeded.
LeaseSpec.acquireTime: When the holder got it.
LeaseSpec.holderIdentity: Who holds it.
LeaseSpec.leaseDurationSeconds: Seconds after the last renewal for which others leave it alone.
LeaseSpec.leaseTransitions: How often it went to another holder.
LeaseSpec.renewTime: When the holder last renewed it.
NetworkPolicySpec.egress: What the pods may reach.
NetworkPolicySpec.ingress: By what the pods may be reached.
NetworkPolicySpec.policyTypes: Whether it is about being reached (Ingress), reaching (Egress), or both.
PersistentVolumeClaimSpec.accessModes: How it is to be mounted.
PersistentVolumeClaimSpec.storageClassName: The class of storage that it is to come from.
PersistentVolumeClaimSpec.volumeName: The volume that it has got.
PodDisruptionBudgetSpec.maxUnavailable: How many pods may be missing, as a number or a percentage.
PodDisruptionBudgetSpec.minAvailable: How many pods must stay, as a number or a percentage.
PodDisruptionBudgetStatus.disruptionsAllowed: How many pods may go at present.
PodSpec: What runs together, and how.
PodSpec.containers: The containers of the pod; at least one.
PodSpec.dnsPolicy: How names are looked up.
PodSpec.hostNetwork: Whether it is in the network of its node.
PodSpec.initContainers: Containers that run one after the other, to their end, before the others begin.
PodSpec.priorityClassName: How important the pod is beside others.
PodSpec.restartPolicy: Whether containers that have ended are started again: Always, OnFailure or Never.
PodSpec.schedulerName: Who finds a node for it.
PodSpec.securityContext: What the pod may do on its node; containers may say otherwise for themselves.
PodSpec.serviceAccount: The old name of serviceAccountName.
PodSpec.tolerations: Taints of nodes that do not keep the pod away.
PodSpec.topologySpreadConstraints: How pods that are alike are spread over zones and nodes.
PodSpec.volumes: What containers can mount.
PodStatus.containerStatuses: How each container is.
PodStatus.podIP: The address of the pod.
PodStatus.startTime: When its node took note of it.
PodTemplateSpec.metadata: Labels and annotations of the pods.
PriorityClass.description: When it is to be named, for people.
PriorityClass.globalDefault: Whether it counts for pods that name none.
PriorityClass.preemptionPolicy: PreemptLowerPriority lets pods of less priority be ended; Never does not.
PriorityClass.value: The priority: the higher, the more it matters.
Probe.failureThreshold: How many failures in a row count as one.
Probe.successThreshold: How many successes in a row count as one.
ReportedEvent.note: What happened, for people.
RollingUpdateDeployment.maxSurge: How many pods there may be beyond those that shall be, as a number or a percentage.
RollingUpdateDeployment.maxUnavailable: How many pods may be missing, as a number or a percentage.
RuntimeClass.handler: The name of the runtime on the nodes.
RuntimeClass.overhead: What it takes beside what its containers use.
RuntimeClass.scheduling: Which nodes have it.
ServicePort.name: The name of the port; needed where there are several.
ServicePort.nodePort: The port of every node that leads there.
ServicePort.port: The port of the service.
ServiceSpec.clusterIP: The address in the cluster; None for a service without one.
ServiceSpec.externalIPs: Further addresses that lead there.
ServiceSpec.externalName: For the type ExternalName: the name that it stands for.
ServiceSpec.ports: The ports of the service.
ServiceSpec.sessionAffinity: ClientIP leads a client to the same pod each time; None does not.
ServiceSpec.type: How the service is reached: ClusterIP, NodePort, LoadBalancer or ExternalName.
StatefulSetSpec.podManagementPolicy: OrderedReady makes one pod after the other, Parallel all at once.
StatefulSetSpec.serviceName: The service by which the pods have names.
StatefulSetSpec.updateStrategy: How pods are replaced by others.
StatefulSetSpec.volumeClaimTemplates: Claims that each pod gets of its own.
StorageClass.allowVolumeExpansion: Whether the storage may grow.
StorageClass.parameters: What the provider is told.
StorageClass.provisioner: Who provides it.
StorageClass.reclaimPolicy: What becomes of the storage when its claim is gone: Delete or Retain.
StorageClass.volumeBindingMode: When it is provided: Immediate, or WaitForFirstConsumer.
VolumeSource.emptyDir: A folder that begins empty and ends with the pod.
VolumeSource.hostPath: A folder or file of the node.
Volume.name: The name by which containers mount it.
VolumeSource.persistentVolumeClaim: A claim of the namespace.
VolumeSource.projected: Several sources in one folder.
VolumeSource.secret: A secret as files.
VolumeMount.name: The name of the volume.
VolumeMount.subPath: The part of the volume that is mounted.
apps/DeploymentConfigSpec.strategy: How pods are replaced by others.
apps/DeploymentConfigSpec.test: Whether its pods run only while a change is tried.
build/BuildConfigSpec.runPolicy: Whether builds run one after the other (Serial), side by side (Parallel), or only the latest.
build/CommonSpec.output: Where the image goes that is built.
build/CommonSpec.postCommit: What is run in the image that was built, to try it.
build/CommonSpec.source: What is built.
build/CommonSpec.strategy: How it is built.
discovery/EndpointPort.port: The number of the port.
route/RouteSpec.alternateBackends: Services that get a part of the requests.
route/RouteSpec.to: The service that gets the requests.
route/RouteSpec.tls: Where TLS ends, and with which certificate.
route/RouteSpec.wildcardPolicy: Subdomain makes it for all names below the host's domain; None does not.
`;

let texts: ReadonlyMap<string, string> | undefined;

/** What a message (no member given), or a member of it, is described by; undefined if there is nothing to say. */
export function describe(message: string, member?: string): string | undefined {
  texts ??= new Map(
    TEXTS.trim()
      .split('\n')
      .map((line) => {
        const at = line.indexOf(': ');
        return [line.slice(0, at), line.slice(at + 2)];
      }),
  );
  return member === undefined ? texts.get(message) : (texts.get(`${message}.${member}`) ?? texts.get(`*.${member}`));
}
