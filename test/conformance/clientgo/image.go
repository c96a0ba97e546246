package main

import (
	"context"
	"encoding/json"
	"fmt"

	imagev1 "github.com/openshift/api/image/v1"
	applyimage "github.com/openshift/client-go/image/applyconfigurations/image/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	firstDigest  = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	secondDigest = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
)

var imageChecks = []check{
	{"image: images, every verb", imageVerbs},
	{"image: streams, every verb", streamVerbs},
	{"image: streams, status, layers and secrets", streamSubresources},
	{"image: streams, server-side apply", streamApply},
	{"image: mappings and stream images", mappingVerbs},
	{"image: stream tags, every verb", streamTagVerbs},
	{"image: image tags, every verb", imageTagVerbs},
	{"image: imports tell what failed", importVerbs},
	{"image: signatures", signatureVerbs},
}

func anImage(name, reference string) *imagev1.Image {
	return &imagev1.Image{
		ObjectMeta:           metav1.ObjectMeta{Name: name, Labels: map[string]string{"check": "images"}},
		DockerImageReference: reference + "@" + name,
	}
}

// events collects what a watch tells until it has told so much.
func events(ctx context.Context, w watch.Interface, count int) ([]watch.Event, error) {
	defer w.Stop()
	var seen []watch.Event
	for len(seen) < count {
		select {
		case event, open := <-w.ResultChan():
			if !open {
				return seen, fmt.Errorf("the watch ended after %d events", len(seen))
			}
			seen = append(seen, event)
		case <-ctx.Done():
			return seen, fmt.Errorf("the watch told %d events only", len(seen))
		}
	}
	return seen, nil
}

func typesOf(events []watch.Event) string {
	text := ""
	for _, event := range events {
		text += string(event.Type) + " "
	}
	return text
}

func imageVerbs(ctx context.Context, c *clients) error {
	images := c.image.ImageV1().Images()
	list, err := images.List(ctx, metav1.ListOptions{LabelSelector: "check=images"})
	if err != nil {
		return err
	}
	w, err := images.Watch(ctx, metav1.ListOptions{LabelSelector: "check=images", ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	return all(
		func() error {
			made, err := images.Create(ctx, anImage(firstDigest, "r.test/a/b"), metav1.CreateOptions{})
			if err != nil {
				return err
			}
			return that(made.UID != "" && made.DockerImageReference == "r.test/a/b@"+firstDigest, "made %+v", made)
		},
		func() error {
			_, err := images.Create(ctx, anImage(firstDigest, "r.test/a/b"), metav1.CreateOptions{})
			return that(errors.IsAlreadyExists(err), "a second creation: %v", err)
		},
		func() error {
			got, err := images.Get(ctx, firstDigest, metav1.GetOptions{})
			if err != nil {
				return err
			}
			got.Annotations = map[string]string{"a": "b"}
			updated, err := images.Update(ctx, got, metav1.UpdateOptions{})
			if err != nil {
				return err
			}
			_, err = images.Update(ctx, got, metav1.UpdateOptions{})
			return that(updated.Annotations["a"] == "b" && errors.IsConflict(err), "an update of an old version: %v", err)
		},
		func() error {
			patch := []byte(`{"metadata":{"annotations":{"a":"c"}}}`)
			patched, err := images.Patch(ctx, firstDigest, types.MergePatchType, patch, metav1.PatchOptions{})
			if err != nil {
				return err
			}
			return that(patched.Annotations["a"] == "c", "patched %v", patched.Annotations)
		},
		func() error { return images.Delete(ctx, firstDigest, metav1.DeleteOptions{}) },
		func() error {
			_, err := images.Get(ctx, firstDigest, metav1.GetOptions{})
			return that(errors.IsNotFound(err), "after the deletion: %v", err)
		},
		func() error {
			if _, err := images.Create(ctx, anImage(secondDigest, "r.test/a/b"), metav1.CreateOptions{}); err != nil {
				return err
			}
			return images.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "check=images"})
		},
		func() error {
			seen, err := events(ctx, w, 6)
			if err != nil {
				return err
			}
			want := "ADDED MODIFIED MODIFIED DELETED ADDED DELETED "
			return that(typesOf(seen) == want, "the watch told %s", typesOf(seen))
		},
	)
}

func aStream(name string, tags ...imagev1.TagReference) *imagev1.ImageStream {
	return &imagev1.ImageStream{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"check": "streams"}},
		Spec:       imagev1.ImageStreamSpec{Tags: tags},
	}
}

func aTag(name, reference string) imagev1.TagReference {
	return imagev1.TagReference{
		Name:      name,
		From:      &corev1.ObjectReference{Kind: "DockerImage", Name: reference},
		Reference: true,
	}
}

func streamVerbs(ctx context.Context, c *clients) error {
	streams := c.image.ImageV1().ImageStreams(c.namespace)
	list, err := streams.List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	w, err := streams.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	return all(
		func() error {
			made, err := streams.Create(ctx, aStream("verbs", aTag("1", "r.test/a:1")), metav1.CreateOptions{})
			if err != nil {
				return err
			}
			return that(made.Generation > 0 && made.Status.DockerImageRepository != "", "made %+v", made)
		},
		func() error {
			got, err := streams.Get(ctx, "verbs", metav1.GetOptions{})
			if err != nil {
				return err
			}
			got.Spec.LookupPolicy.Local = true
			updated, err := streams.Update(ctx, got, metav1.UpdateOptions{FieldManager: "clientgo"})
			if err != nil {
				return err
			}
			_, err = streams.Update(ctx, got, metav1.UpdateOptions{})
			return that(updated.Spec.LookupPolicy.Local && errors.IsConflict(err), "an update of an old version: %v", err)
		},
		func() error {
			// Tags merge by their names.
			patch := []byte(`{"spec":{"tags":[{"name":"2","from":{"kind":"DockerImage","name":"r.test/a:2"},"reference":true}]}}`)
			patched, err := streams.Patch(ctx, "verbs", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
			if err != nil {
				return err
			}
			return that(len(patched.Spec.Tags) == 2, "the patched stream has %d tags", len(patched.Spec.Tags))
		},
		func() error {
			listed, err := streams.List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=verbs"})
			if err != nil {
				return err
			}
			return that(len(listed.Items) == 1 && listed.ResourceVersion != "", "listed %d", len(listed.Items))
		},
		func() error {
			dry := metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}
			if err := streams.Delete(ctx, "verbs", dry); err != nil {
				return err
			}
			return streams.Delete(ctx, "verbs", metav1.DeleteOptions{})
		},
		func() error {
			if _, err := streams.Create(ctx, aStream("verbs"), metav1.CreateOptions{}); err != nil {
				return err
			}
			return streams.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "check=streams"})
		},
		func() error {
			seen, err := events(ctx, w, 6)
			if err != nil {
				return err
			}
			want := "ADDED MODIFIED MODIFIED DELETED ADDED DELETED "
			return that(typesOf(seen) == want, "the watch told %s", typesOf(seen))
		},
	)
}

func streamSubresources(ctx context.Context, c *clients) error {
	streams := c.image.ImageV1().ImageStreams(c.namespace)
	made, err := streams.Create(ctx, aStream("subresources"), metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return all(
		func() error {
			made.Status.Tags = []imagev1.NamedTagEventList{{Tag: "1", Items: []imagev1.TagEvent{{
				Created: metav1.Now(), DockerImageReference: "r.test/a@" + firstDigest, Image: firstDigest, Generation: 1,
			}}}}
			updated, err := streams.UpdateStatus(ctx, made, metav1.UpdateOptions{})
			if err != nil {
				return err
			}
			return that(len(updated.Status.Tags) == 1, "the status holds %d tags", len(updated.Status.Tags))
		},
		func() error {
			layers, err := streams.Layers(ctx, "subresources", metav1.GetOptions{})
			if err != nil {
				return err
			}
			// The Image does not exist, which is said.
			return that(layers.Images[firstDigest].ImageMissing, "layers say %+v", layers.Images)
		},
		func() error {
			secret := &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: "pull"},
				Type:       corev1.SecretTypeDockerConfigJson,
				Data:       map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{}}`)},
			}
			if _, err := c.kube.CoreV1().Secrets(c.namespace).Create(ctx, secret, metav1.CreateOptions{}); err != nil {
				return err
			}
			secrets, err := streams.Secrets(ctx, "subresources", metav1.GetOptions{})
			if err != nil {
				return err
			}
			for _, found := range secrets.Items {
				if found.Name == "pull" {
					return nil
				}
			}
			return fmt.Errorf("the secret is not among %d", len(secrets.Items))
		},
		func() error { return streams.Delete(ctx, "subresources", metav1.DeleteOptions{}) },
	)
}

func streamApply(ctx context.Context, c *clients) error {
	streams := c.image.ImageV1().ImageStreams(c.namespace)
	desired := func(local bool) *applyimage.ImageStreamApplyConfiguration {
		return applyimage.ImageStream("applied", c.namespace).
			WithSpec(applyimage.ImageStreamSpec().WithLookupPolicy(applyimage.ImageLookupPolicy().WithLocal(local)))
	}
	return all(
		func() error {
			made, err := streams.Apply(ctx, desired(true), metav1.ApplyOptions{FieldManager: "one"})
			if err != nil {
				return err
			}
			return that(made.Spec.LookupPolicy.Local, "applied %+v", made.Spec)
		},
		func() error {
			_, err := streams.Apply(ctx, desired(false), metav1.ApplyOptions{FieldManager: "two"})
			return that(errors.IsConflict(err), "another manager: %v", err)
		},
		func() error {
			taken, err := streams.Apply(ctx, desired(false), metav1.ApplyOptions{FieldManager: "two", Force: true})
			if err != nil {
				return err
			}
			return that(!taken.Spec.LookupPolicy.Local, "by force %+v", taken.Spec)
		},
		func() error {
			status := applyimage.ImageStream("applied", c.namespace).WithStatus(applyimage.ImageStreamStatus())
			_, err := streams.ApplyStatus(ctx, status, metav1.ApplyOptions{FieldManager: "one", Force: true})
			return err
		},
		func() error { return streams.Delete(ctx, "applied", metav1.DeleteOptions{}) },
	)
}

// mapped makes a stream with an image under a tag.
func mapped(ctx context.Context, c *clients, stream, tag, digest string) error {
	plain := &imagev1.ImageStream{ObjectMeta: metav1.ObjectMeta{Name: stream}}
	_, err := c.image.ImageV1().ImageStreams(c.namespace).Create(ctx, plain, metav1.CreateOptions{})
	if err != nil && !errors.IsAlreadyExists(err) {
		return err
	}
	image := anImage(digest, "r.test/team/"+stream)
	image.Labels = nil
	image.DockerImageMetadata = runtime.RawExtension{Raw: []byte(
		`{"kind":"DockerImage","apiVersion":"image.openshift.io/1.0","Id":"` + digest + `","Architecture":"s390x","Config":{"Env":["A=b"]}}`)}
	image.DockerImageMetadataVersion = "1.0"
	_, err = c.image.ImageV1().ImageStreamMappings(c.namespace).Create(ctx, &imagev1.ImageStreamMapping{
		ObjectMeta: metav1.ObjectMeta{Name: stream, Namespace: c.namespace}, Image: *image, Tag: tag,
	}, metav1.CreateOptions{})
	return err
}

func mappingVerbs(ctx context.Context, c *clients) error {
	return all(
		func() error { return mapped(ctx, c, "mapped", "1", firstDigest) },
		func() error { return mapped(ctx, c, "mapped", "1", secondDigest) },
		func() error {
			// An image that the tag no longer points to is found by a piece of its digest.
			short := firstDigest[:len("sha256:")+8]
			found, err := c.image.ImageV1().ImageStreamImages(c.namespace).Get(ctx, "mapped@"+short, metav1.GetOptions{})
			if err != nil {
				return err
			}
			var metadata struct{ Architecture string }
			if err := json.Unmarshal(found.Image.DockerImageMetadata.Raw, &metadata); err != nil {
				return err
			}
			return that(found.Image.Name == firstDigest && metadata.Architecture == "s390x", "found %+v", found)
		},
		func() error {
			_, err := c.image.ImageV1().ImageStreamImages(c.namespace).Get(ctx, "mapped@sha256:3333", metav1.GetOptions{})
			return that(errors.IsNotFound(err), "an unknown digest: %v", err)
		},
	)
}

// patchTag patches what the typed clients can patch in no other way.
func patchTag(ctx context.Context, c *clients, resource, name, patch string, into runtime.Object) error {
	return c.image.ImageV1().RESTClient().Patch(types.StrategicMergePatchType).
		Namespace(c.namespace).Resource(resource).Name(name).Body([]byte(patch)).Do(ctx).Into(into)
}

func streamTagVerbs(ctx context.Context, c *clients) error {
	tags := c.image.ImageV1().ImageStreamTags(c.namespace)
	return all(
		func() error { return mapped(ctx, c, "tags", "1", firstDigest) },
		func() error {
			tag := aTag("2", "r.test/a:2")
			made, err := tags.Create(ctx, &imagev1.ImageStreamTag{ObjectMeta: metav1.ObjectMeta{Name: "tags:2"}, Tag: &tag}, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			return that(made.Name == "tags:2" && made.Tag.Reference, "made %+v", made)
		},
		func() error {
			got, err := tags.Get(ctx, "tags:1", metav1.GetOptions{})
			if err != nil {
				return err
			}
			if got.Image.Name != firstDigest {
				return fmt.Errorf("the tag points to %s", got.Image.Name)
			}
			// A tag's annotations are changed as those of its metadata.
			got.Tag, got.Annotations = &imagev1.TagReference{Name: "1"}, map[string]string{"a": "b"}
			updated, err := tags.Update(ctx, got, metav1.UpdateOptions{})
			if err != nil {
				return err
			}
			got.ResourceVersion = "1"
			_, err = tags.Update(ctx, got, metav1.UpdateOptions{})
			return that(updated.Tag.Annotations["a"] == "b" && errors.IsConflict(err), "an update of an old version: %v", err)
		},
		func() error {
			// As "oc tag" does: a tag, and a stream, that do not exist yet are made.
			from := &corev1.ObjectReference{Kind: "ImageStreamImage", Namespace: c.namespace, Name: "tags@" + firstDigest}
			_, err := tags.Update(ctx, &imagev1.ImageStreamTag{
				ObjectMeta: metav1.ObjectMeta{Name: "copies:1"},
				Tag:        &imagev1.TagReference{From: from},
			}, metav1.UpdateOptions{})
			if err != nil {
				return err
			}
			got, err := tags.Get(ctx, "copies:1", metav1.GetOptions{})
			if err != nil {
				return err
			}
			return that(got.Image.Name == firstDigest, "the copy points to %s", got.Image.Name)
		},
		func() error {
			patched := &imagev1.ImageStreamTag{}
			err := patchTag(ctx, c, "imagestreamtags", "tags:1", `{"metadata":{"annotations":{"a":"c"}}}`, patched)
			if err != nil {
				return err
			}
			return that(patched.Tag.Annotations["a"] == "c", "patched %+v", patched.Tag)
		},
		func() error {
			list, err := tags.List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			return that(len(list.Items) >= 3, "listed %d", len(list.Items))
		},
		func() error { return tags.Delete(ctx, "tags:1", metav1.DeleteOptions{}) },
		func() error {
			_, err := tags.Get(ctx, "tags:1", metav1.GetOptions{})
			return that(errors.IsNotFound(err), "after the deletion: %v", err)
		},
	)
}

func imageTagVerbs(ctx context.Context, c *clients) error {
	tags := c.image.ImageV1().ImageTags(c.namespace)
	return all(
		func() error { return mapped(ctx, c, "itags", "1", firstDigest) },
		func() error {
			spec := aTag("2", "r.test/a:2")
			_, err := tags.Create(ctx, &imagev1.ImageTag{ObjectMeta: metav1.ObjectMeta{Name: "itags:2"}, Spec: &spec}, metav1.CreateOptions{})
			return err
		},
		func() error {
			got, err := tags.Get(ctx, "itags:1", metav1.GetOptions{})
			if err != nil {
				return err
			}
			if got.Status == nil || len(got.Status.Items) != 1 || got.Image == nil {
				return fmt.Errorf("got %+v", got)
			}
			got.Spec = &imagev1.TagReference{Name: "1", Annotations: map[string]string{"a": "b"}}
			updated, err := tags.Update(ctx, got, metav1.UpdateOptions{})
			if err != nil {
				return err
			}
			return that(updated.Spec.Annotations["a"] == "b", "updated %+v", updated.Spec)
		},
		func() error {
			patched := &imagev1.ImageTag{}
			err := patchTag(ctx, c, "imagetags", "itags:1", `{"spec":{"annotations":{"a":"c"}}}`, patched)
			if err != nil {
				return err
			}
			return that(patched.Spec.Annotations["a"] == "c", "patched %+v", patched.Spec)
		},
		func() error {
			list, err := tags.List(ctx, metav1.ListOptions{})
			if err != nil {
				return err
			}
			return that(len(list.Items) >= 2, "listed %d", len(list.Items))
		},
		func() error { return tags.Delete(ctx, "itags:1", metav1.DeleteOptions{}) },
	)
}

func importVerbs(ctx context.Context, c *clients) error {
	// Nothing listens there.
	from := corev1.ObjectReference{Kind: "DockerImage", Name: "127.0.0.1:1/team/app:1"}
	answer, err := c.image.ImageV1().ImageStreamImports(c.namespace).Create(ctx, &imagev1.ImageStreamImport{
		ObjectMeta: metav1.ObjectMeta{Name: "imported"},
		Spec:       imagev1.ImageStreamImportSpec{Images: []imagev1.ImageImportSpec{{From: from}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if len(answer.Status.Images) != 1 {
		return fmt.Errorf("%d images in the status", len(answer.Status.Images))
	}
	status := answer.Status.Images[0].Status
	return that(status.Status == metav1.StatusFailure && status.Message != "", "the status says %+v", status)
}

func signatureVerbs(ctx context.Context, c *clients) error {
	name := firstDigest + "@0123456789abcdef0123456789abcdef"
	return all(
		func() error { return mapped(ctx, c, "signed", "1", firstDigest) },
		func() error {
			signature := &imagev1.ImageSignature{
				ObjectMeta: metav1.ObjectMeta{Name: name}, Type: imagev1.ImageSignatureTypeAtomicImageV1, Content: []byte("signature"),
			}
			_, err := c.image.ImageV1().ImageSignatures().Create(ctx, signature, metav1.CreateOptions{})
			return err
		},
		func() error {
			got, err := c.image.ImageV1().Images().Get(ctx, firstDigest, metav1.GetOptions{})
			if err != nil {
				return err
			}
			return that(len(got.Signatures) == 1 && string(got.Signatures[0].Content) == "signature", "signatures %+v", got.Signatures)
		},
		func() error { return c.image.ImageV1().ImageSignatures().Delete(ctx, name, metav1.DeleteOptions{}) },
	)
}
