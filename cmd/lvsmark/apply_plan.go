package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
)

// savedPlanner is the planner for a plan file. It reads the spec from -c, or else from
// the path in the plan. The network namespace is the one in the plan.
func savedPlanner(cmd *cobra.Command, s streams, opts *options, path string) (planner, error) {
	saved, err := readPlan(cmd.Context(), s, path)
	if err != nil {
		return nil, err
	}
	if cmd.Flags().Changed("netns") && opts.netns != saved.NetNS {
		return nil, fmt.Errorf("%s is for %s, not for %s", path, namespaceText(saved.NetNS), namespaceText(opts.netns))
	}
	opts.netns = saved.NetNS
	if !cmd.Flags().Changed("config") {
		if saved.Spec.File == stdinName {
			return nil, fmt.Errorf("%s was made from a spec on standard input: name the spec with -c", path)
		}
		opts.file = saved.Spec.File
	}
	spec, digest, err := opts.loadDigest(cmd.Context(), s)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, o lvsmark.Options) (*lvsmark.Plan, error) {
		o.Adopt = saved.Adopt
		return saved.Plan(ctx, spec, digest, o)
	}, nil
}

func namespaceText(name string) string {
	if name == "" {
		return "the network namespace of the process"
	}
	return "network namespace " + name
}
