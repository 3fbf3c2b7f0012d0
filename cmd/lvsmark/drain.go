package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/internal/drain"
	"github.com/lvsmark/lvsmark/internal/lookup"
)

const drainHelp = `Drain sets the weight of a real server to 0 in all IPVS services of the cluster,
so that it gets no new clients. Connections continue, and persistence still sends
the next connections of its clients there, which FTP sessions need; a real server
with a passive shard keeps its weight there for the same reason. Drain waits
until all connections have ended and the persistence of all clients has expired,
and then says that the real server may be switched off. On standard error it prints
what is left. SERVER is the name of the real server in the spec, or its address.

If net.ipv4.vs.expire_quiescent_template is 1, the kernel ignores persistence for
weight 0, and drain does not wait for it.

A drain does not last: the next apply gives the real server the weight in the spec
again. Until then, diff and status show the difference and its reason. To make it
last, set weight: 0 in the spec, or remove the real server with apply --drain.

With --timeout TIME, drain stops to wait after that time; the weight stays 0. If
drain is interrupted, the weight stays 0 as well; the same command continues.
--undo restores the weight in the spec.

It needs root: CAP_NET_ADMIN, and CAP_SYS_ADMIN with --netns.

Exit status: 0, drained or restored; 1, something is left after --timeout; 2, an
error or an interrupt.`

func newDrain(s streams, opts *options) *cobra.Command {
	var limit time.Duration
	var undo bool
	cmd := &cobra.Command{
		Use:   "drain CLUSTER SERVER",
		Short: "give a real server weight 0, and wait until its clients have left",
		Long:  drainHelp,
		Example: `  lvsmark drain ftp rs2
  lvsmark drain ftp 10.0.0.12 --timeout 30m
  lvsmark drain ftp rs2 --undo`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) != 2:
				return usageErrorf(cmd, "drain takes CLUSTER and SERVER")
			case cmd.Flags().Changed("timeout") && limit < minWait:
				return usageErrorf(cmd, "--timeout takes a time from 1s on: %s", limit)
			case undo && cmd.Flags().Changed("timeout"):
				return usageErrorf(cmd, "--undo does not wait: it cannot be combined with --timeout")
			}
			return nil
		},
		ValidArgsFunction: completeServers(s, opts),
		RunE: func(cmd *cobra.Command, args []string) error {
			ignoreClosedPipe()
			name := drain.Name{Cluster: args[0], Server: args[1]}
			if undo {
				return runRestore(cmd.Context(), s, opts, name)
			}
			return runDrain(cmd.Context(), s, opts, name, limit)
		},
	}
	cmd.Flags().DurationVar(&limit, "timeout", 0, "stop to wait after `TIME`: 30m, 2h (default: no limit)")
	cmd.Flags().BoolVar(&undo, "undo", false, "restore the weight in the spec")
	return cmd
}

func runDrain(ctx context.Context, s streams, opts *options, name drain.Name, limit time.Duration) error {
	o := lvsmark.Options{NetNS: opts.netns, LockOwner: "drain", Progress: func(step string) {
		if strings.HasPrefix(step, "drain: ") {
			s.printErr("lvsmark: %s", step)
		}
	}}
	d, err := lvsmark.DrainServer(ctx, opts.source(ctx, s), o, name, limit)
	if err != nil {
		return err
	}
	doc := drainDocument{
		Version: documentVersion, Cluster: name.Cluster, Server: name.Server, Drained: d.Ended,
		Active: d.Left.Connections.Active, Inactive: d.Left.Connections.Inactive, Persistent: d.Left.Connections.Persistent,
		Changes: weightChanges(d.Plan), Notes: append([]string{}, d.Plan.Notes()...),
	}
	if err := s.afterChanges(doc.print(s, opts.output, drainText(d, name)), len(d.Plan.Changes()) > 0); err != nil {
		return err
	}
	if !d.Ended {
		return errDifference
	}
	return nil
}

func drainText(d *lvsmark.ServerDrain, name drain.Name) string {
	if !d.Ended {
		return fmt.Sprintf("not drained: %s of %s has weight 0, and %s\n", name.Server, name.Cluster, d.Left)
	}
	return fmt.Sprintf("drained: %s of %s has no connections, and no client returns to it: it may be switched off\n", name.Server, name.Cluster)
}

func runRestore(ctx context.Context, s streams, opts *options, name drain.Name) error {
	plan, err := lvsmark.RestoreServer(ctx, opts.source(ctx, s), lvsmark.Options{NetNS: opts.netns, LockOwner: "drain --undo"}, name)
	if err != nil {
		return err
	}
	doc := drainDocument{Version: documentVersion, Cluster: name.Cluster, Server: name.Server, Changes: weightChanges(plan), Notes: append([]string{}, plan.Notes()...)}
	return s.afterChanges(doc.print(s, opts.output, fmt.Sprintf("restored: %s of %s has the weight in the spec\n", name.Server, name.Cluster)), len(plan.Changes()) > 0)
}

// A drainDocument is the JSON output of drain.
type drainDocument struct {
	Version    int              `json:"version"`
	Cluster    string           `json:"cluster"`
	Server     string           `json:"server"`
	Drained    bool             `json:"drained"`
	Active     uint32           `json:"active"`
	Inactive   uint32           `json:"inactive"`
	Persistent uint32           `json:"persistent"`
	Changes    []lvsmark.Change `json:"changes"`
	Notes      []string         `json:"notes"`
}

// print writes the document, or the changes and a text.
func (d drainDocument) print(s streams, as format, text string) error {
	if as == formatJSON {
		return s.printJSON(d)
	}
	for _, note := range d.Notes {
		s.printErr("lvsmark: note: %s", note)
	}
	return s.print(listing(d.Changes, paletteOf(s.out)) + text)
}

// weightChanges returns the changes of weights, without those of the ledger.
func weightChanges(p *lvsmark.Plan) []lvsmark.Change {
	return slices.DeleteFunc(append([]lvsmark.Change{}, p.Changes()...), func(c lvsmark.Change) bool { return c.Kind != "real-server" })
}

// completeClusters completes the names of the clusters in the spec that are no arguments yet.
func completeClusters(s streams, opts *options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		if spec, _, err := opts.load(cmd.Context(), s); err == nil {
			names = slices.DeleteFunc(lookup.Clusters(spec.Clusters), func(name string) bool { return slices.Contains(args, name) })
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeServers completes a cluster, and then its real servers.
func completeServers(s streams, opts *options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return completeClusters(s, opts)(cmd, args, prefix)
		}
		var names []string
		if spec, _, err := opts.load(cmd.Context(), s); err == nil && len(args) == 1 {
			for i := range spec.Clusters {
				if spec.Clusters[i].Name == args[0] {
					names = lookup.Servers(spec.Clusters[i : i+1])
				}
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
