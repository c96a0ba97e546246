package main

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
)

var kubeChecks = []check{
	{"kube: config maps in protobuf", func(ctx context.Context, c *clients) error {
		return configMapsAs(ctx, c, "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf,application/json")
	}},
	{"kube: config maps in JSON", func(ctx context.Context, c *clients) error {
		return configMapsAs(ctx, c, "application/json", "application/json")
	}},
	{"kube: deletions with options in protobuf", deleteOptions},
	{"kube: namespaces come and go", namespaceLife},
	{"kube: workloads in protobuf", workloads},
	{"kube: scale", scale},
	{"kube: server-side apply", apply},
	{"kube: updates that meet others", conflicts},
	{"kube: service account tokens", accountTokens},
	{"kube: access reviews", accessReviews},
	{"kube: roles and bindings", roles},
}

func configMapsAs(ctx context.Context, c *clients, content, accept string) error {
	config := rest.CopyConfig(c.config)
	config.ContentType, config.AcceptContentTypes = content, accept
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	maps := client.CoreV1().ConfigMaps(c.namespace)
	return all(
		func() error {
			made, err := maps.Create(ctx, &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "typed-", Labels: map[string]string{"check": "typed"}},
				Data:       map[string]string{"text": "grün"},
				BinaryData: map[string][]byte{"bytes": {0, 255}},
			}, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			made.Data["more"] = "1"
			updated, err := maps.Update(ctx, made, metav1.UpdateOptions{})
			if err != nil {
				return err
			}
			same := updated.Data["text"] == "grün" && updated.Data["more"] == "1" && updated.BinaryData["bytes"][1] == 255
			return that(same, "updated %+v", updated)
		},
		func() error {
			list, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "check=typed"})
			if err != nil {
				return err
			}
			return that(len(list.Items) == 1, "listed %d", len(list.Items))
		},
		func() error {
			return maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "check=typed"})
		},
	)
}

func deleteOptions(ctx context.Context, c *clients) error {
	maps := c.kube.CoreV1().ConfigMaps(c.namespace)
	made, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "options"}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	wrong := metav1.NewUIDPreconditions("another")
	if err := maps.Delete(ctx, "options", metav1.DeleteOptions{Preconditions: wrong}); !errors.IsConflict(err) {
		return fmt.Errorf("a wrong uid: %w", err)
	}
	policy := metav1.DeletePropagationBackground
	right := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(made.UID)), PropagationPolicy: &policy}
	return maps.Delete(ctx, "options", right)
}

func namespaceLife(ctx context.Context, c *clients) error {
	spaces := c.kube.CoreV1().Namespaces()
	name := c.namespace + "-life"
	if _, err := spaces.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := c.kube.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	if err := spaces.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return err
	}
	for {
		_, err := spaces.Get(ctx, name, metav1.GetOptions{})
		if errors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func pods(app string) corev1.PodTemplateSpec {
	port := corev1.ContainerPort{ContainerPort: 80}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "r.test/a:1", Ports: []corev1.ContainerPort{port}}}},
	}
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: pods(name),
		},
	}
}

func workloads(ctx context.Context, c *clients) error {
	labels := map[string]string{"app": "all"}
	meta := metav1.ObjectMeta{Name: "all", Labels: labels}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	job := pods("all")
	job.Spec.RestartPolicy = corev1.RestartPolicyNever
	create := metav1.CreateOptions{}
	return all(
		func() error {
			made, err := c.kube.AppsV1().Deployments(c.namespace).Create(ctx, deployment("all", 2), create)
			if err != nil {
				return err
			}
			return that(*made.Spec.Replicas == 2 && made.Spec.Template.Spec.Containers[0].Ports[0].ContainerPort == 80, "made %+v", made.Spec)
		},
		func() error {
			set := &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Selector: selector, Template: pods("all"), ServiceName: "all"}}
			_, err := c.kube.AppsV1().StatefulSets(c.namespace).Create(ctx, set, create)
			return err
		},
		func() error {
			set := &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: pods("all")}}
			_, err := c.kube.AppsV1().DaemonSets(c.namespace).Create(ctx, set, create)
			return err
		},
		func() error {
			set := &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Selector: selector, Template: pods("all")}}
			_, err := c.kube.AppsV1().ReplicaSets(c.namespace).Create(ctx, set, create)
			return err
		},
		func() error {
			_, err := c.kube.BatchV1().Jobs(c.namespace).Create(ctx, &batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Template: job}}, create)
			return err
		},
		func() error {
			spec := batchv1.CronJobSpec{Schedule: "0 * * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: job}}}
			_, err := c.kube.BatchV1().CronJobs(c.namespace).Create(ctx, &batchv1.CronJob{ObjectMeta: meta, Spec: spec}, create)
			return err
		},
		func() error {
			_, err := c.kube.CoreV1().Pods(c.namespace).Create(ctx, &corev1.Pod{ObjectMeta: meta, Spec: pods("all").Spec}, create)
			return err
		},
		func() error {
			ports := []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromString("http")}}
			service := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: labels, Ports: ports}}
			made, err := c.kube.CoreV1().Services(c.namespace).Create(ctx, service, create)
			if err != nil {
				return err
			}
			return that(made.Spec.Ports[0].TargetPort.StrVal == "http", "made %+v", made.Spec)
		},
	)
}

func scale(ctx context.Context, c *clients) error {
	deployments := c.kube.AppsV1().Deployments(c.namespace)
	if _, err := deployments.Create(ctx, deployment("scaled", 1), metav1.CreateOptions{}); err != nil {
		return err
	}
	now, err := deployments.GetScale(ctx, "scaled", metav1.GetOptions{})
	if err != nil {
		return err
	}
	now.Spec = autoscalingv1.ScaleSpec{Replicas: 5}
	if _, err := deployments.UpdateScale(ctx, "scaled", now, metav1.UpdateOptions{}); err != nil {
		return err
	}
	got, err := deployments.Get(ctx, "scaled", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return that(*got.Spec.Replicas == 5, "scaled to %d", *got.Spec.Replicas)
}

func apply(ctx context.Context, c *clients) error {
	deployments := c.kube.AppsV1().Deployments(c.namespace)
	container := func(name string) *applycore.ContainerApplyConfiguration {
		return applycore.Container().WithName(name).WithImage("r.test/" + name)
	}
	desired := func(containers ...*applycore.ContainerApplyConfiguration) *applyapps.DeploymentApplyConfiguration {
		labels := map[string]string{"app": "applied"}
		return applyapps.Deployment("applied", c.namespace).WithSpec(applyapps.DeploymentSpec().
			WithSelector(applymeta.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(applycore.PodTemplateSpec().WithLabels(labels).
				WithSpec(applycore.PodSpec().WithContainers(containers...))))
	}
	one, two := metav1.ApplyOptions{FieldManager: "one"}, metav1.ApplyOptions{FieldManager: "two"}
	return all(
		func() error {
			_, err := deployments.Apply(ctx, desired(container("a"), container("b")), one)
			return err
		},
		func() error {
			// Containers merge by their names.
			both, err := deployments.Apply(ctx, desired(container("c")), two)
			if err != nil {
				return err
			}
			return that(len(both.Spec.Template.Spec.Containers) == 3, "%d containers", len(both.Spec.Template.Spec.Containers))
		},
		func() error {
			_, err := deployments.Apply(ctx, desired(container("a").WithImage("r.test/other")), two)
			return that(errors.IsConflict(err), "what another manages: %v", err)
		},
		func() error {
			less, err := deployments.Apply(ctx, desired(container("a")), one)
			if err != nil {
				return err
			}
			return that(len(less.Spec.Template.Spec.Containers) == 2, "%d containers are left", len(less.Spec.Template.Spec.Containers))
		},
		func() error {
			got, err := deployments.Get(ctx, "applied", metav1.GetOptions{})
			if err != nil {
				return err
			}
			mine, err := applyapps.ExtractDeployment(got, "one")
			if err != nil {
				return err
			}
			return that(len(mine.Spec.Template.Spec.Containers) == 1, "%d containers are mine", len(mine.Spec.Template.Spec.Containers))
		},
	)
}

func conflicts(ctx context.Context, c *clients) error {
	maps := c.kube.CoreV1().ConfigMaps(c.namespace)
	empty := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "counted"}, Data: map[string]string{}}
	if _, err := maps.Create(ctx, empty, metav1.CreateOptions{}); err != nil {
		return err
	}
	const writers = 8
	results := make(chan error, writers)
	for writer := range writers {
		go func() {
			backoff := retry.DefaultBackoff
			backoff.Steps = 50
			results <- retry.RetryOnConflict(backoff, func() error {
				got, err := maps.Get(ctx, "counted", metav1.GetOptions{})
				if err != nil {
					return err
				}
				if got.Data == nil {
					got.Data = map[string]string{}
				}
				got.Data[fmt.Sprint(writer)] = "was here"
				_, err = maps.Update(ctx, got, metav1.UpdateOptions{})
				return err
			})
		}()
	}
	for range writers {
		if err := <-results; err != nil {
			return err
		}
	}
	got, err := maps.Get(ctx, "counted", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return that(len(got.Data) == writers, "%d of %d writers were there", len(got.Data), writers)
}

func accountTokens(ctx context.Context, c *clients) error {
	accounts := c.kube.CoreV1().ServiceAccounts(c.namespace)
	seconds := int64(600)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	given, err := accounts.CreateToken(ctx, "default", request, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	config := rest.AnonymousClientConfig(c.config)
	config.BearerToken = given.Status.Token
	robot, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	self, err := robot.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	want := "system:serviceaccount:" + c.namespace + ":default"
	if self.Status.UserInfo.Username != want {
		return fmt.Errorf("the token is %s", self.Status.UserInfo.Username)
	}
	_, err = robot.CoreV1().Secrets(c.namespace).List(ctx, metav1.ListOptions{})
	if !errors.IsForbidden(err) {
		return fmt.Errorf("reading secrets: %w", err)
	}
	review := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: given.Status.Token}}
	reviewed, err := c.kube.AuthenticationV1().TokenReviews().Create(ctx, review, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return that(reviewed.Status.Authenticated && reviewed.Status.User.Username == want, "the review says %+v", reviewed.Status)
}

func accessReviews(ctx context.Context, c *clients) error {
	attributes := &authorizationv1.ResourceAttributes{
		Namespace: c.namespace, Verb: "update", Group: "image.openshift.io", Resource: "imagestreams", Subresource: "layers",
	}
	reviews := c.kube.AuthorizationV1()
	return all(
		func() error {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes}}
			answer, err := reviews.SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			return that(answer.Status.Allowed, "the administrator may not push")
		},
		func() error {
			spec := authorizationv1.SubjectAccessReviewSpec{User: "nobody", ResourceAttributes: attributes}
			answer, err := reviews.SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			return that(!answer.Status.Allowed, "nobody may push")
		},
		func() error {
			review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: c.namespace}}
			answer, err := reviews.SelfSubjectRulesReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return err
			}
			return that(len(answer.Status.ResourceRules) > 0, "no rules")
		},
	)
}

func roles(ctx context.Context, c *clients) error {
	rules := []rbacv1.PolicyRule{{APIGroups: []string{"image.openshift.io"}, Resources: []string{"imagestreams"}, Verbs: []string{"get"}}}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "reader"}, Rules: rules}
	if _, err := c.kube.RbacV1().Roles(c.namespace).Create(ctx, role, metav1.CreateOptions{}); err != nil {
		return err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "ann"}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
	}
	if _, err := c.kube.RbacV1().RoleBindings(c.namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "ann"}
	ann, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	raw := ann.RESTClient().Get().AbsPath("/apis/image.openshift.io/v1/namespaces", c.namespace, "imagestreams", "none").Do(ctx)
	if !errors.IsNotFound(raw.Error()) {
		return fmt.Errorf("reading a stream: %w", raw.Error())
	}
	_, err = ann.CoreV1().ConfigMaps(c.namespace).Get(ctx, "none", metav1.GetOptions{})
	return that(errors.IsForbidden(err), "reading a config map: %v", err)
}
