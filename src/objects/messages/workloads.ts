/** Workloads and what serves them: apps, batch, autoscaling, policy, networking, leases. In the notation of `messages.ts`. */
export const workloadsMessages = `
ControllerRevision: 1 metadata ObjectMeta, 2 data json, 3 revision int
CronJob: 1 metadata ObjectMeta, 2 spec CronJobSpec, 3 status CronJobStatus
CronJobSpec: 1 schedule string, 2 startingDeadlineSeconds int, 3 concurrencyPolicy string, 4 suspend bool,
  5 jobTemplate JobTemplateSpec, 6 successfulJobsHistoryLimit int, 7 failedJobsHistoryLimit int, 8 timeZone string
CronJobStatus: 1 active ObjectReference*, 4 lastScheduleTime time, 5 lastSuccessfulTime time
DaemonSet: 1 metadata ObjectMeta, 2 spec DaemonSetSpec, 3 status DaemonSetStatus
DaemonSetCondition: 1 type string, 2 status string, 3 lastTransitionTime time, 4 reason string, 5 message string
DaemonSetSpec: 1 selector LabelSelector, 2 template PodTemplateSpec, 3 updateStrategy DaemonSetUpdateStrategy,
  4 minReadySeconds int, 6 revisionHistoryLimit int
DaemonSetStatus: 1 currentNumberScheduled int, 2 numberMisscheduled int, 3 desiredNumberScheduled int,
  4 numberReady int, 5 observedGeneration int, 6 updatedNumberScheduled int, 7 numberAvailable int,
  8 numberUnavailable int, 9 collisionCount int, 10 conditions DaemonSetCondition*
DaemonSetUpdateStrategy: 1 type string, 2 rollingUpdate RollingUpdateDaemonSet
Deployment: 1 metadata ObjectMeta, 2 spec DeploymentSpec, 3 status DeploymentStatus
DeploymentCondition: 1 type string, 2 status string, 4 reason string, 5 message string, 6 lastUpdateTime time,
  7 lastTransitionTime time
DeploymentSpec: 1 replicas int, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 strategy DeploymentStrategy,
  5 minReadySeconds int, 6 revisionHistoryLimit int, 7 paused bool, 9 progressDeadlineSeconds int
DeploymentStatus: 1 observedGeneration int, 2 replicas int, 3 updatedReplicas int, 4 availableReplicas int,
  5 unavailableReplicas int, 6 conditions DeploymentCondition*, 7 readyReplicas int, 8 collisionCount int,
  9 terminatingReplicas int
DeploymentStrategy: 1 type string, 2 rollingUpdate RollingUpdateDeployment
Eviction: 1 metadata ObjectMeta, 2 deleteOptions DeleteOptions
HTTPIngressPath: 1 path string, 2 backend IngressBackend, 3 pathType string
HTTPIngressRuleValue: 1 paths HTTPIngressPath*
Ingress: 1 metadata ObjectMeta, 2 spec IngressSpec, 3 status IngressStatus
IngressBackend: 3 resource TypedLocalObjectReference, 4 service IngressServiceBackend
IngressLoadBalancerIngress: 1 ip string, 2 hostname string, 4 ports IngressPortStatus*
IngressLoadBalancerStatus: 1 ingress IngressLoadBalancerIngress*
IngressPortStatus: 1 port int, 2 protocol string, 3 error string
IngressRule: 1 host string, 2 IngressRuleValue
IngressRuleValue: 1 http HTTPIngressRuleValue
IngressServiceBackend: 1 name string, 2 port ServiceBackendPort
IngressSpec: 1 defaultBackend IngressBackend, 2 tls IngressTLS*, 3 rules IngressRule*, 4 ingressClassName string
IngressStatus: 1 loadBalancer IngressLoadBalancerStatus
IngressTLS: 1 hosts string*, 2 secretName string
Job: 1 metadata ObjectMeta, 2 spec JobSpec, 3 status JobStatus
JobCondition: 1 type string, 2 status string, 3 lastProbeTime time, 4 lastTransitionTime time, 5 reason string,
  6 message string
JobSpec: 1 parallelism int, 2 completions int, 3 activeDeadlineSeconds int, 4 selector LabelSelector,
  5 manualSelector bool, 6 template PodTemplateSpec, 7 backoffLimit int, 8 ttlSecondsAfterFinished int,
  9 completionMode string, 10 suspend bool, 11 podFailurePolicy PodFailurePolicy, 12 backoffLimitPerIndex int,
  13 maxFailedIndexes int, 14 podReplacementPolicy string, 15 managedBy string, 16 successPolicy SuccessPolicy
JobStatus: 1 conditions JobCondition*, 2 startTime time, 3 completionTime time, 4 active int, 5 succeeded int,
  6 failed int, 7 completedIndexes string, 8 uncountedTerminatedPods UncountedTerminatedPods, 9 ready int,
  10 failedIndexes string, 11 terminating int
JobTemplateSpec: 1 metadata ObjectMeta, 2 spec JobSpec
Lease: 1 metadata ObjectMeta, 2 spec LeaseSpec
LeaseSpec: 1 holderIdentity string, 2 leaseDurationSeconds int, 3 acquireTime microtime, 4 renewTime microtime,
  5 leaseTransitions int, 6 strategy string, 7 preferredHolder string
PodDisruptionBudget: 1 metadata ObjectMeta, 2 spec PodDisruptionBudgetSpec, 3 status PodDisruptionBudgetStatus
PodDisruptionBudgetSpec: 1 minAvailable intorstring, 2 selector LabelSelector, 3 maxUnavailable intorstring,
  4 unhealthyPodEvictionPolicy string
PodDisruptionBudgetStatus: 1 observedGeneration int, 2 disruptedPods {time}, 3 disruptionsAllowed int,
  4 currentHealthy int, 5 desiredHealthy int, 6 expectedPods int, 7 conditions Condition*
PodFailurePolicy: 1 rules PodFailurePolicyRule*
PodFailurePolicyOnExitCodesRequirement: 1 containerName string, 2 operator string, 3 values int*
PodFailurePolicyOnPodConditionsPattern: 1 type string, 2 status string
PodFailurePolicyRule: 1 action string, 2 onExitCodes PodFailurePolicyOnExitCodesRequirement,
  3 onPodConditions PodFailurePolicyOnPodConditionsPattern*
ReplicaSet: 1 metadata ObjectMeta, 2 spec ReplicaSetSpec, 3 status ReplicaSetStatus
ReplicaSetCondition: 1 type string, 2 status string, 3 lastTransitionTime time, 4 reason string, 5 message string
ReplicaSetSpec: 1 replicas int, 2 selector LabelSelector, 3 template PodTemplateSpec, 4 minReadySeconds int
ReplicaSetStatus: 1 replicas int, 2 fullyLabeledReplicas int, 3 observedGeneration int, 4 readyReplicas int,
  5 availableReplicas int, 6 conditions ReplicaSetCondition*, 7 terminatingReplicas int
RollingUpdateDaemonSet: 1 maxUnavailable intorstring, 2 maxSurge intorstring
RollingUpdateDeployment: 1 maxUnavailable intorstring, 2 maxSurge intorstring
RollingUpdateStatefulSetStrategy: 1 partition int, 2 maxUnavailable intorstring
Scale: 1 metadata ObjectMeta, 2 spec ScaleSpec, 3 status ScaleStatus
ScaleSpec: 1 replicas int
ScaleStatus: 1 replicas int, 2 selector string
ServiceBackendPort: 1 name string, 2 number int
StatefulSet: 1 metadata ObjectMeta, 2 spec StatefulSetSpec, 3 status StatefulSetStatus
StatefulSetCondition: 1 type string, 2 status string, 3 lastTransitionTime time, 4 reason string, 5 message string
StatefulSetOrdinals: 1 start int
StatefulSetPersistentVolumeClaimRetentionPolicy: 1 whenDeleted string, 2 whenScaled string
StatefulSetSpec: 1 replicas int, 2 selector LabelSelector, 3 template PodTemplateSpec,
  4 volumeClaimTemplates PersistentVolumeClaim*, 5 serviceName string, 6 podManagementPolicy string,
  7 updateStrategy StatefulSetUpdateStrategy, 8 revisionHistoryLimit int, 9 minReadySeconds int,
  10 persistentVolumeClaimRetentionPolicy StatefulSetPersistentVolumeClaimRetentionPolicy,
  11 ordinals StatefulSetOrdinals
StatefulSetStatus: 1 observedGeneration int, 2 replicas int, 3 readyReplicas int, 4 currentReplicas int,
  5 updatedReplicas int, 6 currentRevision string, 7 updateRevision string, 9 collisionCount int,
  10 conditions StatefulSetCondition*, 11 availableReplicas int
StatefulSetUpdateStrategy: 1 type string, 2 rollingUpdate RollingUpdateStatefulSetStrategy
SuccessPolicy: 1 rules SuccessPolicyRule*
SuccessPolicyRule: 1 succeededIndexes string, 2 succeededCount int
UncountedTerminatedPods: 1 succeeded string*, 2 failed string*
`;
