package main

import (
	"context"
	"fmt"
	"time"

	imagev1 "github.com/openshift/api/image/v1"
	imageinformers "github.com/openshift/client-go/image/informers/externalversions"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

var informerChecks = []check{
	{"informers: image streams", streamInformer},
	{"informers: images", imageInformer},
	{"informers: config maps of all namespaces", configMapInformer},
	{"informers: every kind of Kubernetes that is typed", typedInformers},
	{"informers: dynamic", dynamicInformer},
	{"informers: metadata only", metadataInformer},
	{"informers: watches that end are begun again", endedWatches},
}

// told gathers what an informer tells of objects with one name.
type told struct {
	events chan string
}

func tellOf(informer cache.SharedIndexInformer, name string) (told, error) {
	t := told{make(chan string, 100)}
	tell := func(what string, object any) {
		if last, is := object.(cache.DeletedFinalStateUnknown); is {
			object = last.Obj
		}
		if object.(metav1.Object).GetName() == name {
			t.events <- what
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("added", object) },
		UpdateFunc: func(_, object any) { tell("updated", object) },
		DeleteFunc: func(object any) { tell("deleted", object) },
	})
	return t, err
}

func (t told) await(ctx context.Context, want string) error {
	select {
	case what := <-t.events:
		return that(what == want, "the informer told %s, not %s", what, want)
	case <-ctx.Done():
		return fmt.Errorf("the informer never told %s", want)
	}
}

func synced(ctx context.Context, informer cache.SharedIndexInformer) error {
	return that(cache.WaitForCacheSync(ctx.Done(), informer.HasSynced), "the informer never had all")
}

func streamInformer(ctx context.Context, c *clients) error {
	streams := c.image.ImageV1().ImageStreams(c.namespace)
	factory := imageinformers.NewSharedInformerFactoryWithOptions(c.image, 0, imageinformers.WithNamespace(c.namespace))
	shared := factory.Image().V1().ImageStreams()
	tells, err := tellOf(shared.Informer(), "informed")
	if err != nil {
		return err
	}
	if _, err := streams.Create(ctx, aStream("informed"), metav1.CreateOptions{}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	return all(
		func() error { return synced(ctx, shared.Informer()) },
		func() error { return tells.await(ctx, "added") },
		func() error { return mapped(ctx, c, "informed", "1", firstDigest) },
		func() error { return tells.await(ctx, "updated") },
		func() error {
			got, err := shared.Lister().ImageStreams(c.namespace).Get("informed")
			if err != nil {
				return err
			}
			return that(got.Status.Tags[0].Items[0].Image == firstDigest, "the lister has %+v", got.Status)
		},
		func() error { return streams.Delete(ctx, "informed", metav1.DeleteOptions{}) },
		func() error { return tells.await(ctx, "deleted") },
	)
}

func imageInformer(ctx context.Context, c *clients) error {
	factory := imageinformers.NewSharedInformerFactory(c.image, 0)
	shared := factory.Image().V1().Images()
	if err := mapped(ctx, c, "images", "1", secondDigest); err != nil {
		return err
	}
	informer := shared.Informer()
	factory.Start(ctx.Done())
	if err := synced(ctx, informer); err != nil {
		return err
	}
	got, err := shared.Lister().Get(secondDigest)
	if err != nil {
		return err
	}
	return that(got.DockerImageReference != "", "the lister has %+v", got)
}

func configMapInformer(ctx context.Context, c *clients) error {
	factory := informers.NewSharedInformerFactory(c.kube, 0)
	shared := factory.Core().V1().ConfigMaps()
	informer := shared.Informer()
	tells, err := tellOf(informer, "watched")
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	maps := c.kube.CoreV1().ConfigMaps(c.namespace)
	return all(
		func() error { return synced(ctx, informer) },
		func() error {
			_, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "watched"}}, metav1.CreateOptions{})
			return err
		},
		func() error { return tells.await(ctx, "added") },
		func() error { return maps.Delete(ctx, "watched", metav1.DeleteOptions{}) },
		func() error { return tells.await(ctx, "deleted") },
	)
}

func typedInformers(ctx context.Context, c *clients) error {
	factory := informers.NewSharedInformerFactory(c.kube, 0)
	all := map[string]cache.SharedIndexInformer{
		"namespaces":       factory.Core().V1().Namespaces().Informer(),
		"secrets":          factory.Core().V1().Secrets().Informer(),
		"service accounts": factory.Core().V1().ServiceAccounts().Informer(),
		"limit ranges":     factory.Core().V1().LimitRanges().Informer(),
		"quotas":           factory.Core().V1().ResourceQuotas().Informer(),
		"events":           factory.Core().V1().Events().Informer(),
		"pods":             factory.Core().V1().Pods().Informer(),
		"nodes":            factory.Core().V1().Nodes().Informer(),
		"services":         factory.Core().V1().Services().Informer(),
		"controllers":      factory.Core().V1().ReplicationControllers().Informer(),
		"claims":           factory.Core().V1().PersistentVolumeClaims().Informer(),
		"deployments":      factory.Apps().V1().Deployments().Informer(),
		"replica sets":     factory.Apps().V1().ReplicaSets().Informer(),
		"stateful sets":    factory.Apps().V1().StatefulSets().Informer(),
		"daemon sets":      factory.Apps().V1().DaemonSets().Informer(),
		"jobs":             factory.Batch().V1().Jobs().Informer(),
		"cron jobs":        factory.Batch().V1().CronJobs().Informer(),
		"roles":            factory.Rbac().V1().Roles().Informer(),
		"role bindings":    factory.Rbac().V1().RoleBindings().Informer(),
		"cluster roles":    factory.Rbac().V1().ClusterRoles().Informer(),
		"cluster bindings": factory.Rbac().V1().ClusterRoleBindings().Informer(),
		"leases":           factory.Coordination().V1().Leases().Informer(),
		"ingresses":        factory.Networking().V1().Ingresses().Informer(),
	}
	factory.Start(ctx.Done())
	for name, informer := range all {
		if err := synced(ctx, informer); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

var streamsResource = imagev1.GroupVersion.WithResource("imagestreams")

func dynamicInformer(ctx context.Context, c *clients) error {
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, 0, c.namespace, nil)
	informer := factory.ForResource(streamsResource).Informer()
	tells, err := tellOf(informer, "dynamic")
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if err := synced(ctx, informer); err != nil {
		return err
	}
	if _, err := c.image.ImageV1().ImageStreams(c.namespace).Create(ctx, aStream("dynamic"), metav1.CreateOptions{}); err != nil {
		return err
	}
	return tells.await(ctx, "added")
}

func metadataInformer(ctx context.Context, c *clients) error {
	factory := metadatainformer.NewFilteredSharedInformerFactory(c.metadata, 0, c.namespace, nil)
	shared := map[schema.GroupVersionResource]informers.GenericInformer{}
	for _, resource := range []schema.GroupVersionResource{streamsResource, corev1.SchemeGroupVersion.WithResource("configmaps")} {
		shared[resource] = factory.ForResource(resource)
		shared[resource].Informer()
	}
	if err := mapped(ctx, c, "meta", "1", firstDigest); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for resource, one := range shared {
		if err := synced(ctx, one.Informer()); err != nil {
			return fmt.Errorf("%s: %w", resource.Resource, err)
		}
	}
	found, err := shared[streamsResource].Lister().ByNamespace(c.namespace).List(labels.Everything())
	if err != nil {
		return err
	}
	for _, object := range found {
		if partial, is := object.(*metav1.PartialObjectMetadata); is && partial.Name == "meta" {
			return that(partial.UID != "", "no uid in %+v", partial)
		}
	}
	return fmt.Errorf("the stream is not among %d", len(found))
}

func endedWatches(ctx context.Context, c *clients) error {
	second := int64(1)
	maps := c.kube.CoreV1().ConfigMaps(c.namespace)
	factory := informers.NewSharedInformerFactoryWithOptions(c.kube, 0, informers.WithNamespace(c.namespace),
		informers.WithTweakListOptions(func(options *metav1.ListOptions) { options.TimeoutSeconds = &second }))
	informer := factory.Core().V1().ConfigMaps().Informer()
	tells, err := tellOf(informer, "lasting")
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if err := synced(ctx, informer); err != nil {
		return err
	}
	// By then two watches have ended.
	time.Sleep(2500 * time.Millisecond)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "lasting"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	return tells.await(ctx, "added")
}
