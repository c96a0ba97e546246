package main

import (
	"context"
	"fmt"
	"sort"
	"strings"

	imagev1 "github.com/openshift/api/image/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/openapi3"
	"k8s.io/client-go/restmapper"
)

var genericChecks = []check{
	{"dynamic: image streams, every verb", dynamicVerbs},
	{"dynamic: server-side apply", dynamicApply},
	{"metadata: read, changed, watched, deleted", metadataVerbs},
	{"discovery: groups and resources, at once and one by one", discoveryForms},
	{"discovery: what is listed can be listed and watched", discoveryKept},
	{"discovery: schemas of every group", discoverySchemas},
	{"discovery: version", discoveryVersion},
	{"REST mapper: kinds, resources, short names", mapper},
}

var configMapsResource = corev1.SchemeGroupVersion.WithResource("configmaps")

func dynamicVerbs(ctx context.Context, c *clients) error {
	streams := c.dynamic.Resource(streamsResource).Namespace(c.namespace)
	object := &unstructured.Unstructured{Object: map[string]any{
		"kind": "ImageStream", "apiVersion": imagev1.GroupVersion.String(),
		"metadata": map[string]any{"name": "unstructured", "labels": map[string]any{"check": "dynamic"}},
	}}
	return all(
		func() error {
			made, err := streams.Create(ctx, object, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			if err := unstructured.SetNestedField(made.Object, true, "spec", "lookupPolicy", "local"); err != nil {
				return err
			}
			_, err = streams.Update(ctx, made, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationStrict})
			return err
		},
		func() error {
			patch := []byte(`[{"op":"add","path":"/metadata/annotations","value":{"a":"b"}}]`)
			patched, err := streams.Patch(ctx, "unstructured", types.JSONPatchType, patch, metav1.PatchOptions{})
			if err != nil {
				return err
			}
			return that(patched.GetAnnotations()["a"] == "b", "patched %v", patched.GetAnnotations())
		},
		func() error {
			got, err := streams.Get(ctx, "unstructured", metav1.GetOptions{})
			if err != nil {
				return err
			}
			_, err = streams.UpdateStatus(ctx, got, metav1.UpdateOptions{})
			return err
		},
		func() error {
			wrong := object.DeepCopy()
			wrong.SetName("wrong")
			wrong.Object["spec"] = map[string]any{"unknown": true}
			_, err := streams.Create(ctx, wrong, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			return that(errors.IsBadRequest(err), "an unknown field: %v", err)
		},
		func() error {
			list, err := streams.List(ctx, metav1.ListOptions{LabelSelector: "check=dynamic", Limit: 1})
			if err != nil {
				return err
			}
			return that(len(list.Items) == 1 && list.GetKind() == "ImageStreamList", "listed %d", len(list.Items))
		},
		func() error { return streams.Delete(ctx, "unstructured", metav1.DeleteOptions{}) },
	)
}

func dynamicApply(ctx context.Context, c *clients) error {
	maps := c.dynamic.Resource(configMapsResource).Namespace(c.namespace)
	object := &unstructured.Unstructured{Object: map[string]any{
		"kind": "ConfigMap", "apiVersion": "v1", "metadata": map[string]any{"name": "applied"}, "data": map[string]any{"a": "1"},
	}}
	made, err := maps.Apply(ctx, "applied", object, metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return err
	}
	again, err := maps.Apply(ctx, "applied", object, metav1.ApplyOptions{FieldManager: "one"})
	if err != nil {
		return err
	}
	return that(made.GetResourceVersion() == again.GetResourceVersion(), "an apply that changes nothing made a version")
}

func metadataVerbs(ctx context.Context, c *clients) error {
	maps := c.metadata.Resource(configMapsResource).Namespace(c.namespace)
	typed := c.kube.CoreV1().ConfigMaps(c.namespace)
	own := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "partial", Labels: map[string]string{"check": "metadata"}}}
	if _, err := typed.Create(ctx, own, metav1.CreateOptions{}); err != nil {
		return err
	}
	list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "check=metadata"})
	if err != nil {
		return err
	}
	if len(list.Items) != 1 || list.Items[0].Name != "partial" {
		return fmt.Errorf("listed %+v", list.Items)
	}
	w, err := maps.Watch(ctx, metav1.ListOptions{LabelSelector: "check=metadata", ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	return all(
		func() error {
			patch := []byte(`{"metadata":{"annotations":{"a":"b"}}}`)
			patched, err := maps.Patch(ctx, "partial", types.MergePatchType, patch, metav1.PatchOptions{})
			if err != nil {
				return err
			}
			return that(patched.Annotations["a"] == "b", "patched %v", patched.Annotations)
		},
		func() error { return maps.Delete(ctx, "partial", metav1.DeleteOptions{}) },
		func() error {
			seen, err := events(ctx, w, 2)
			if err != nil {
				return err
			}
			_, is := seen[1].Object.(*metav1.PartialObjectMetadata)
			return that(is && typesOf(seen) == "MODIFIED DELETED ", "the watch told %s of %T", typesOf(seen), seen[1].Object)
		},
	)
}

func resourceNames(lists []*metav1.APIResourceList) string {
	var names []string
	for _, list := range lists {
		for _, resource := range list.APIResources {
			names = append(names, list.GroupVersion+"/"+resource.Name+" "+resource.Kind+" "+strings.Join(resource.Verbs, ","))
		}
	}
	sort.Strings(names)
	return strings.Join(names, "\n")
}

func discoveryForms(_ context.Context, c *clients) error {
	_, aggregated, err := c.kube.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	legacy := discovery.NewDiscoveryClient(c.kube.Discovery().RESTClient())
	legacy.UseLegacyDiscovery = true
	_, single, err := legacy.ServerGroupsAndResources()
	if err != nil {
		return err
	}
	if resourceNames(aggregated) != resourceNames(single) {
		return fmt.Errorf("at once:\n%s\none by one:\n%s", resourceNames(aggregated), resourceNames(single))
	}
	preferred, err := c.kube.Discovery().ServerPreferredResources()
	if err != nil {
		return err
	}
	return that(len(preferred) > 0, "no preferred resources")
}

func discoveryKept(ctx context.Context, c *clients) error {
	_, lists, err := c.kube.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return err
		}
		for _, resource := range list.APIResources {
			// A list of these says whether one may ask for a project.
			if strings.Contains(resource.Name, "/") || resource.Name == "projectrequests" {
				continue
			}
			if err := listAndWatch(ctx, c, version.WithResource(resource.Name), resource.Verbs); err != nil {
				return fmt.Errorf("%s of %s: %w", resource.Name, list.GroupVersion, err)
			}
		}
	}
	return nil
}

func listAndWatch(ctx context.Context, c *clients, resource schema.GroupVersionResource, verbs []string) error {
	has := func(verb string) bool { return strings.Contains(" "+strings.Join(verbs, " ")+" ", " "+verb+" ") }
	if !has("list") {
		return nil
	}
	list, err := c.dynamic.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if !has("watch") {
		return nil
	}
	second := int64(1)
	w, err := c.dynamic.Resource(resource).Watch(ctx, metav1.ListOptions{ResourceVersion: list.GetResourceVersion(), TimeoutSeconds: &second})
	if err != nil {
		return err
	}
	w.Stop()
	return nil
}

func discoverySchemas(_ context.Context, c *clients) error {
	root := openapi3.NewRoot(c.kube.Discovery().OpenAPIV3())
	versions, err := root.GroupVersions()
	if err != nil {
		return err
	}
	for _, version := range versions {
		spec, err := root.GVSpec(version)
		if err != nil {
			return fmt.Errorf("%s: %w", version, err)
		}
		if len(spec.Paths.Paths) == 0 {
			return fmt.Errorf("%s has no paths", version)
		}
	}
	return that(len(versions) > 5, "only %d", len(versions))
}

func discoveryVersion(_ context.Context, c *clients) error {
	version, err := c.kube.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	return that(version.Major == "1" && version.Minor != "", "version %+v", version)
}

func mapper(_ context.Context, c *clients) error {
	cached := memory.NewMemCacheClient(c.kube.Discovery())
	deferred := restmapper.NewDeferredDiscoveryRESTMapper(cached)
	mapping, err := deferred.RESTMapping(schema.GroupKind{Group: imagev1.GroupName, Kind: "ImageStreamTag"})
	if err != nil {
		return err
	}
	if mapping.Resource.Resource != "imagestreamtags" || mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return fmt.Errorf("mapped to %+v", mapping)
	}
	short := restmapper.NewShortcutExpander(deferred, cached, nil)
	for name, want := range map[string]string{
		"is": "imagestreams", "istag": "imagestreamtags", "isimage": "imagestreamimages", "itag": "imagetags",
		"deploy": "deployments", "cm": "configmaps", "sa": "serviceaccounts",
	} {
		found, err := short.ResourceFor(schema.GroupVersionResource{Resource: name})
		if err != nil {
			return err
		}
		if found.Resource != want {
			return fmt.Errorf("%s stands for %s", name, found.Resource)
		}
	}
	expander := restmapper.NewDiscoveryCategoryExpander(cached)
	everything, _ := expander.Expand("all")
	for _, one := range everything {
		if one.Resource == "imagestreams" {
			return nil
		}
	}
	return fmt.Errorf("image streams are not in %v", everything)
}
