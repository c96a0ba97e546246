// Clientgo runs what programs do with client-go and OpenShift's typed clients against a server, and prints a line for each
// check: "ok NAME", or "failed NAME: WHY". The kubeconfig is named by KUBECONFIG; NAMESPACE must exist. No images may exist.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	imageclient "github.com/openshift/client-go/image/clientset/versioned"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// patience is how long one check may take.
const patience = 30 * time.Second

// clients is what checks are given.
type clients struct {
	config    *rest.Config
	kube      kubernetes.Interface
	image     imageclient.Interface
	dynamic   dynamic.Interface
	metadata  metadata.Interface
	namespace string
}

// check is one thing that must work.
type check struct {
	name string
	run  func(context.Context, *clients) error
}

func main() {
	c, err := connect()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	failed := false
	only := os.Getenv("ONLY")
	for _, checks := range [][]check{imageChecks, kubeChecks, informerChecks, genericChecks, toolChecks} {
		for _, one := range checks {
			if !strings.Contains(one.name, only) {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			if err := one.run(ctx, c); err != nil {
				failed = true
				fmt.Printf("failed %s: %s\n", one.name, strings.ReplaceAll(err.Error(), "\n", " "))
			} else {
				fmt.Printf("ok %s\n", one.name)
			}
			cancel()
		}
	}
	if failed {
		os.Exit(1)
	}
}

func connect() (*clients, error) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	// Checks are not to wait for the client's own brakes.
	config.QPS, config.Burst = 1000, 1000
	c := &clients{config: config, namespace: os.Getenv("NAMESPACE")}
	if c.kube, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.image, err = imageclient.NewForConfig(config); err != nil {
		return nil, err
	}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, err
	}
	c.metadata, err = metadata.NewForConfig(config)
	return c, err
}

// that is an error with these words unless something holds.
func that(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// all runs steps until one fails.
func all(steps ...func() error) error {
	for number, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", number+1, err)
		}
	}
	return nil
}
