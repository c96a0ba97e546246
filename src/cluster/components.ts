/** Where components of Kubernetes' API groups live in OpenAPI. */
export const CORE_V1 = 'io.k8s.api.core.v1';
