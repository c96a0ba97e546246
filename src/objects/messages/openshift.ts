/**
 * Kinds of OpenShift that are kept for its clients. Clients send them as JSON: the tables say which members there are.
 * Names have their API group before them, since some are those of other kinds. In the notation of `messages.ts`.
 */
export const openshiftMessages = `
apps/CustomDeploymentStrategyParams: 1 image string, 2 environment EnvVar*, 3 command string*
apps/DeploymentCause: 1 type string, 2 imageTrigger apps/DeploymentCauseImageTrigger
apps/DeploymentCauseImageTrigger: 1 from ObjectReference
apps/DeploymentCondition: 1 type string, 2 status string, 3 lastTransitionTime time, 4 reason string,
  5 message string, 6 lastUpdateTime time
apps/DeploymentConfig: 1 metadata ObjectMeta, 2 spec apps/DeploymentConfigSpec, 3 status apps/DeploymentConfigStatus
apps/DeploymentConfigSpec: 1 strategy apps/DeploymentStrategy, 2 triggers apps/DeploymentTriggerPolicy*,
  3 replicas int, 4 revisionHistoryLimit int, 5 test bool, 6 paused bool, 7 selector {string},
  8 template PodTemplateSpec, 9 minReadySeconds int
apps/DeploymentConfigStatus: 1 latestVersion int, 2 observedGeneration int, 3 replicas int, 4 updatedReplicas int,
  5 availableReplicas int, 6 unavailableReplicas int, 7 details apps/DeploymentDetails,
  8 conditions apps/DeploymentCondition*, 9 readyReplicas int
apps/DeploymentDetails: 1 message string, 2 causes apps/DeploymentCause*
apps/DeploymentStrategy: 1 type string, 2 customParams apps/CustomDeploymentStrategyParams,
  3 recreateParams apps/RecreateDeploymentStrategyParams, 4 rollingParams apps/RollingDeploymentStrategyParams,
  5 resources ResourceRequirements, 6 labels {string}, 7 annotations {string}, 8 activeDeadlineSeconds int
apps/DeploymentTriggerImageChangeParams: 1 automatic bool, 2 containerNames string*, 3 from ObjectReference,
  4 lastTriggeredImage string
apps/DeploymentTriggerPolicy: 1 type string, 2 imageChangeParams apps/DeploymentTriggerImageChangeParams
apps/ExecNewPodHook: 1 command string*, 2 env EnvVar*, 3 containerName string, 4 volumes string*
apps/LifecycleHook: 1 failurePolicy string, 2 execNewPod apps/ExecNewPodHook, 3 tagImages apps/TagImageHook*
apps/RecreateDeploymentStrategyParams: 1 timeoutSeconds int, 2 pre apps/LifecycleHook, 3 mid apps/LifecycleHook,
  4 post apps/LifecycleHook
apps/RollingDeploymentStrategyParams: 1 updatePeriodSeconds int, 2 intervalSeconds int, 3 timeoutSeconds int,
  4 maxUnavailable intorstring, 5 maxSurge intorstring, 7 pre apps/LifecycleHook, 8 post apps/LifecycleHook
apps/TagImageHook: 1 containerName string, 2 to ObjectReference
build/BinaryBuildSource: 1 asFile string
build/BitbucketWebHookCause: 1 commonSpec build/CommonWebHookCause
build/Build: 1 metadata ObjectMeta, 2 spec build/BuildSpec, 3 status build/BuildStatus
build/BuildCondition: 1 type string, 2 status string, 3 lastTransitionTime time, 4 reason string, 5 message string,
  6 lastUpdateTime time
build/BuildConfig: 1 metadata ObjectMeta, 2 spec build/BuildConfigSpec, 3 status build/BuildConfigStatus
build/BuildConfigSpec: 1 triggers build/BuildTriggerPolicy*, 2 runPolicy string, 3 build/CommonSpec,
  4 successfulBuildsHistoryLimit int, 5 failedBuildsHistoryLimit int
build/BuildConfigStatus: 1 lastVersion int, 2 imageChangeTriggers build/ImageChangeTriggerStatus*
build/BuildOutput: 1 to ObjectReference, 2 pushSecret LocalObjectReference, 3 imageLabels build/ImageLabel*
build/BuildPostCommitSpec: 1 command string*, 2 args string*, 3 script string
build/BuildSource: 1 type string, 2 binary build/BinaryBuildSource, 3 dockerfile string, 4 git build/GitBuildSource,
  5 images build/ImageSource*, 6 contextDir string, 7 sourceSecret LocalObjectReference,
  8 secrets build/SecretBuildSource*, 9 configMaps build/ConfigMapBuildSource*
build/BuildSpec: 1 build/CommonSpec, 2 triggeredBy build/BuildTriggerCause*
build/BuildStatus: 1 phase string, 2 cancelled bool, 3 reason string, 4 message string, 5 startTimestamp time,
  6 completionTimestamp time, 7 duration int, 8 outputDockerImageReference string, 9 config ObjectReference,
  10 output build/BuildStatusOutput, 11 stages build/StageInfo*, 12 logSnippet string,
  13 conditions build/BuildCondition*
build/BuildStatusOutput: 1 to build/BuildStatusOutputTo
build/BuildStatusOutputTo: 1 imageDigest string
build/BuildStrategy: 1 type string, 2 dockerStrategy build/DockerBuildStrategy,
  3 sourceStrategy build/SourceBuildStrategy, 4 customStrategy build/CustomBuildStrategy,
  5 jenkinsPipelineStrategy build/JenkinsPipelineBuildStrategy
build/BuildTriggerCause: 1 message string, 2 genericWebHook build/GenericWebHookCause,
  3 githubWebHook build/GitHubWebHookCause, 4 imageChangeBuild build/ImageChangeCause,
  5 gitlabWebHook build/GitLabWebHookCause, 6 bitbucketWebHook build/BitbucketWebHookCause
build/BuildTriggerPolicy: 1 type string, 2 github build/WebHookTrigger, 3 generic build/WebHookTrigger,
  4 imageChange build/ImageChangeTrigger, 5 gitlab build/WebHookTrigger, 6 bitbucket build/WebHookTrigger
build/BuildVolume: 1 name string, 2 source build/BuildVolumeSource, 3 mounts build/BuildVolumeMount*
build/BuildVolumeMount: 1 destinationPath string
build/BuildVolumeSource: 1 type string, 2 secret SecretVolumeSource, 3 configMap ConfigMapVolumeSource,
  4 csi CSIVolumeSource
build/CommonSpec: 1 serviceAccount string, 2 source build/BuildSource, 3 revision build/SourceRevision,
  4 strategy build/BuildStrategy, 5 output build/BuildOutput, 6 resources ResourceRequirements,
  7 postCommit build/BuildPostCommitSpec, 8 completionDeadlineSeconds int, 9 nodeSelector {string},
  10 mountTrustedCA bool
build/CommonWebHookCause: 1 revision build/SourceRevision, 2 secret string
build/ConfigMapBuildSource: 1 configMap LocalObjectReference, 2 destinationDir string
build/CustomBuildStrategy: 1 from ObjectReference, 2 pullSecret LocalObjectReference, 3 env EnvVar*,
  4 exposeDockerSocket bool, 5 forcePull bool, 6 secrets build/SecretSpec*, 7 buildAPIVersion string
build/DockerBuildStrategy: 1 from ObjectReference, 2 pullSecret LocalObjectReference, 3 noCache bool, 4 env EnvVar*,
  5 forcePull bool, 6 dockerfilePath string, 7 buildArgs EnvVar*, 8 imageOptimizationPolicy string,
  9 volumes build/BuildVolume*
build/GenericWebHookCause: 1 revision build/SourceRevision, 2 secret string
build/GitBuildSource: 1 uri string, 2 ref string, 3 build/ProxyConfig
build/GitHubWebHookCause: 1 revision build/SourceRevision, 2 secret string
build/GitLabWebHookCause: 1 commonSpec build/CommonWebHookCause
build/GitSourceRevision: 1 commit string, 2 author build/SourceControlUser, 3 committer build/SourceControlUser,
  4 message string
build/ImageChangeCause: 1 imageID string, 2 fromRef ObjectReference
build/ImageChangeTrigger: 1 lastTriggeredImageID string, 2 from ObjectReference, 3 paused bool
build/ImageChangeTriggerStatus: 1 lastTriggeredImageID string, 2 from build/ImageStreamTagReference,
  3 lastTriggerTime time
build/ImageLabel: 1 name string, 2 value string
build/ImageSource: 1 from ObjectReference, 2 paths build/ImageSourcePath*, 3 pullSecret LocalObjectReference,
  4 as string*
build/ImageSourcePath: 1 sourcePath string, 2 destinationDir string
build/ImageStreamTagReference: 1 namespace string, 2 name string
build/JenkinsPipelineBuildStrategy: 1 jenkinsfilePath string, 2 jenkinsfile string, 3 env EnvVar*
build/ProxyConfig: 3 httpProxy string, 4 httpsProxy string, 5 noProxy string
build/SecretBuildSource: 1 secret LocalObjectReference, 2 destinationDir string
build/SecretLocalReference: 1 name string
build/SecretSpec: 1 secretSource LocalObjectReference, 2 mountPath string
build/SourceBuildStrategy: 1 from ObjectReference, 2 pullSecret LocalObjectReference, 3 env EnvVar*, 4 scripts string,
  5 incremental bool, 6 forcePull bool, 9 volumes build/BuildVolume*
build/SourceControlUser: 1 name string, 2 email string
build/SourceRevision: 1 type string, 2 git build/GitSourceRevision
build/StageInfo: 1 name string, 2 startTime time, 3 durationMilliseconds int, 4 steps build/StepInfo*
build/StepInfo: 1 name string, 2 startTime time, 3 durationMilliseconds int
build/WebHookTrigger: 1 secret string, 2 allowEnv bool, 3 secretReference build/SecretLocalReference
route/LocalObjectReference: 1 name string
route/Route: 1 metadata ObjectMeta, 2 spec route/RouteSpec, 3 status route/RouteStatus
route/RouteHTTPHeader: 1 name string, 2 action route/RouteHTTPHeaderActionUnion
route/RouteHTTPHeaderActionUnion: 1 type string, 2 set route/RouteSetHTTPHeader
route/RouteHTTPHeaderActions: 1 response route/RouteHTTPHeader*, 2 request route/RouteHTTPHeader*
route/RouteHTTPHeaders: 1 actions route/RouteHTTPHeaderActions
route/RouteIngress: 1 host string, 2 routerName string, 3 conditions route/RouteIngressCondition*,
  4 wildcardPolicy string, 5 routerCanonicalHostname string
route/RouteIngressCondition: 1 type string, 2 status string, 3 reason string, 4 message string,
  5 lastTransitionTime time
route/RoutePort: 1 targetPort intorstring
route/RouteSetHTTPHeader: 1 value string
route/RouteSpec: 1 host string, 2 path string, 3 to route/RouteTargetReference,
  4 alternateBackends route/RouteTargetReference*, 5 port route/RoutePort, 6 tls route/TLSConfig,
  7 wildcardPolicy string, 8 subdomain string, 9 httpHeaders route/RouteHTTPHeaders
route/RouteStatus: 1 ingress route/RouteIngress*
route/RouteTargetReference: 1 kind string, 2 name string, 3 weight int
route/TLSConfig: 1 termination string, 2 certificate string, 3 key string, 4 caCertificate string,
  5 destinationCACertificate string, 6 insecureEdgeTerminationPolicy string,
  7 externalCertificate route/LocalObjectReference
`;
