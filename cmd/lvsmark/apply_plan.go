package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

// savedWork is about a plan file. The spec is that which the plan names, unless
// -c says where it is now; the network namespace is the plan's.
func savedWork(cmd *cobra.Command, s streams, opts *options, path string) (*applyWork, error) {
	saved, err := readPlan(s, path)
	if err != nil {
		return nil, err
	}
	if cmd.Flags().Changed("netns") && opts.netns != saved.NetNS {
		return nil, fmt.Errorf("%s is for %s, not for %s", path, namespaceText(saved.NetNS), namespaceText(opts.netns))
	}
	opts.netns = saved.NetNS
	if !cmd.Flags().Changed("config") {
		if saved.Spec.File == stdinName {
			return nil, fmt.Errorf("%s was made of a spec on standard input: name the spec with -c", path)
		}
		opts.file = saved.Spec.File
	}
	spec, digest, err := opts.loadDigest(s)
	if err != nil {
		return nil, err
	}
	return &applyWork{
		plan: func(ctx context.Context, o lvsmark.Options) (*lvsmark.Result, error) {
			o.Adopt = saved.Adopt
			return saved.Check(ctx, spec, digest, o)
		},
		apply: func(ctx context.Context, o lvsmark.Options) (*lvsmark.Result, error) {
			o.Adopt = saved.Adopt
			return lvsmark.ApplySaved(ctx, saved, spec, digest, o)
		},
	}, nil
}

func namespaceText(name string) string {
	if name == "" {
		return "the network namespace of the process"
	}
	return "network namespace " + name
}
