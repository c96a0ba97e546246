package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/tools/record"
	watchtools "k8s.io/client-go/tools/watch"
)

var toolChecks = []check{
	{"tools: leader election on a lease", election},
	{"tools: a watch that outlives its connections", retriedWatch},
	{"tools: waiting with a watch", waiting},
	{"tools: lists in pages", pages},
	{"tools: events are reported", reported},
}

// candidate campaigns until ctx ends, and says when it leads.
func candidate(ctx context.Context, c *clients, name string, leads chan<- string) error {
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Name: "elected", Namespace: c.namespace},
			Client:     c.kube.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		LeaseDuration: 3 * time.Second, RenewDeadline: 2 * time.Second, RetryPeriod: 200 * time.Millisecond,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { leads <- name },
			OnStoppedLeading: func() {},
		},
	})
	if err != nil {
		return err
	}
	go elector.Run(ctx)
	return nil
}

func election(ctx context.Context, c *clients) error {
	leads := make(chan string, 2)
	await := func(want string) error {
		select {
		case name := <-leads:
			return that(name == want, "%s leads, not %s", name, want)
		case <-ctx.Done():
			return fmt.Errorf("%s never led", want)
		}
	}
	first, resign := context.WithCancel(ctx)
	defer resign()
	return all(
		func() error { return candidate(first, c, "first", leads) },
		func() error { return await("first") },
		func() error { return candidate(ctx, c, "second", leads) },
		func() error {
			select {
			case name := <-leads:
				return fmt.Errorf("%s leads beside the first", name)
			case <-time.After(time.Second):
				resign()
				return nil
			}
		},
		func() error { return await("second") },
	)
}

func retriedWatch(ctx context.Context, c *clients) error {
	maps := c.kube.CoreV1().ConfigMaps(c.namespace)
	list, err := maps.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	second := int64(1)
	begun := 0
	w, err := watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			begun++
			options.TimeoutSeconds = &second
			options.LabelSelector = "check=retried"
			return maps.Watch(ctx, options)
		},
	})
	if err != nil {
		return err
	}
	defer w.Stop()
	for number := range 4 {
		name := fmt.Sprintf("retried-%d", number)
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"check": "retried"}}}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
		select {
		case event := <-w.ResultChan():
			got, is := event.Object.(*corev1.ConfigMap)
			if !is || got.Name != name {
				return fmt.Errorf("the watch told %s of %+v instead of %s", event.Type, event.Object, name)
			}
		case <-ctx.Done():
			return fmt.Errorf("the watch never told of %s", name)
		}
		time.Sleep(900 * time.Millisecond)
	}
	return that(begun >= 3, "only %d watches were begun", begun)
}

func waiting(ctx context.Context, c *clients) error {
	maps := c.kube.CoreV1().ConfigMaps(c.namespace)
	if _, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "awaited"}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	options := func(given metav1.ListOptions) metav1.ListOptions {
		given.FieldSelector = "metadata.name=awaited"
		return given
	}
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, given metav1.ListOptions) (runtime.Object, error) {
			return maps.List(ctx, options(given))
		},
		WatchFuncWithContext: func(ctx context.Context, given metav1.ListOptions) (watch.Interface, error) {
			return maps.Watch(ctx, options(given))
		},
	}
	deleted := make(chan error, 1)
	go func() {
		time.Sleep(300 * time.Millisecond)
		deleted <- maps.Delete(ctx, "awaited", metav1.DeleteOptions{})
	}()
	_, err := watchtools.UntilWithSync(ctx, source, &corev1.ConfigMap{}, nil, func(event watch.Event) (bool, error) {
		return event.Type == watch.Deleted, nil
	})
	if err != nil {
		return err
	}
	return <-deleted
}

func pages(ctx context.Context, c *clients) error {
	maps := c.kube.CoreV1().ConfigMaps(c.namespace)
	for number := range 7 {
		object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("page-%d", number), Labels: map[string]string{"check": "pages"}}}
		if _, err := maps.Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	asked, seen := 0, 0
	lists := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		asked++
		return maps.List(ctx, options)
	})
	lists.PageSize = 2
	err := lists.EachListItem(ctx, metav1.ListOptions{LabelSelector: "check=pages"}, func(object runtime.Object) error {
		seen++
		_, err := meta.Accessor(object)
		return err
	})
	if err != nil {
		return err
	}
	return that(seen == 7 && asked == 4, "%d objects in %d pages", seen, asked)
}

func reported(ctx context.Context, c *clients) error {
	object, err := c.kube.CoreV1().ConfigMaps(c.namespace).Create(ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "eventful"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: c.kube.CoreV1().Events(c.namespace)})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "clientgo"})
	recorder.Event(object, corev1.EventTypeNormal, "Checked", "it was looked at")
	recorder.Event(object, corev1.EventTypeNormal, "Checked", "it was looked at")
	for {
		found, err := c.kube.CoreV1().Events(c.namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=eventful,reason=Checked"})
		if err != nil {
			return err
		}
		if len(found.Items) == 1 && found.Items[0].Count == 2 {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}
