/** Classes that other objects name, and the slices of endpoints. In the notation of `messages.ts`. */
export const classesMessages = `
Endpoint: 1 addresses string*, 2 conditions EndpointConditions, 3 hostname string, 4 targetRef ObjectReference,
  5 deprecatedTopology {string}, 6 nodeName string, 7 zone string, 8 hints EndpointHints
EndpointConditions: 1 ready bool, 2 serving bool, 3 terminating bool
EndpointHints: 1 forZones ForZone*, 2 forNodes ForNode*
EndpointSlice: 1 metadata ObjectMeta, 4 addressType string, 2 endpoints Endpoint*, 3 ports discovery/EndpointPort*
ForNode: 1 name string
ForZone: 1 name string
IngressClass: 1 metadata ObjectMeta, 2 spec IngressClassSpec
IngressClassParametersReference: 1 apiGroup string, 2 kind string, 3 name string, 4 scope string, 5 namespace string
IngressClassSpec: 1 controller string, 2 parameters IngressClassParametersReference
Overhead: 1 podFixed {quantity}
PriorityClass: 1 metadata ObjectMeta, 2 value int, 3 globalDefault bool, 4 description string,
  5 preemptionPolicy string
RuntimeClass: 1 metadata ObjectMeta, 2 handler string, 3 overhead Overhead, 4 scheduling Scheduling
Scheduling: 1 nodeSelector {string}, 2 tolerations Toleration*
StorageClass: 1 metadata ObjectMeta, 2 provisioner string, 3 parameters {string}, 4 reclaimPolicy string,
  5 mountOptions string*, 6 allowVolumeExpansion bool, 7 volumeBindingMode string,
  8 allowedTopologies TopologySelectorTerm*
TopologySelectorLabelRequirement: 1 key string, 2 values string*
TopologySelectorTerm: 1 matchLabelExpressions TopologySelectorLabelRequirement*
discovery/EndpointPort: 1 name string, 2 protocol string, 3 port int, 4 appProtocol string
`;
