package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/printable"
)

func newCheck(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "read the spec and print every mistake in it",
		Long: `Check reads the spec and prints every mistake in it, each as
file:line:column: message. It prints a note for what is valid but may be
unintended. Of a valid spec it prints how many FTP data connections at a time
the passive ports allow for each real server, and the passive shards.

It needs no privileges and does not access the kernel.

Exit status: 0, the spec is valid; 2, it is invalid or cannot be read.`,
		Example: `  lvsmark check
  lvsmark -c ftp.yaml check
  generate-spec | lvsmark -c - check -o json`,
		Args: onlySpec,
		RunE: func(cmd *cobra.Command, _ []string) error { return check(cmd.Context(), s, opts) },
	}
}

// A checkDocument is the JSON output of check.
type checkDocument struct {
	Version  int              `json:"version"`
	File     string           `json:"file"`
	Valid    bool             `json:"valid"`
	Mistakes []config.Mistake `json:"mistakes"`
	Notes    []config.Note    `json:"notes"`
	specCounts
	Passive []passiveDocument `json:"passive,omitempty"` // of FTP clusters
}

func check(ctx context.Context, s streams, opts *options) error {
	spec, notes, err := opts.load(ctx, s)
	mistakes, invalid := errors.AsType[config.Mistakes](err)
	if err != nil && !invalid {
		return err
	}
	if opts.output == formatJSON {
		return errors.Join(s.printJSON(checkDocument{
			Version:    documentVersion,
			File:       opts.fileName(),
			Valid:      !invalid,
			Mistakes:   append([]config.Mistake{}, mistakes...), // never null
			Notes:      append([]config.Note{}, notes...),
			specCounts: count(spec),
			Passive:    passiveOf(spec),
		}), err)
	}
	for _, note := range notes {
		s.printErr("%s:%d:%d: note: %s", printable.Line(note.File), note.Line, note.Column, printable.Line(note.Message))
	}
	if invalid {
		return err
	}
	return s.print(fmt.Sprintf("%s: ok: %s\n", printable.Line(opts.fileName()), count(spec)) + passiveText(passiveOf(spec)))
}

// specCounts are the numbers of objects in a spec. An address that several clusters
// share counts once.
type specCounts struct {
	Clusters    int `json:"clusters"`
	VIPs        int `json:"vips"`                   // single addresses
	VIPNetworks int `json:"vip_networks,omitempty"` // networks and ranges
	RealServers int `json:"real_servers"`
}

func count(spec *config.Spec) specCounts {
	if spec == nil {
		return specCounts{}
	}
	vips, servers := make(map[config.AddressRange]bool), make(map[netip.Addr]bool)
	for _, cluster := range spec.Clusters {
		for _, vip := range cluster.VIPs {
			vips[vip] = true
		}
		for _, server := range cluster.RealServers {
			servers[server.Address] = true
		}
	}
	networks := 0
	for vips := range vips {
		if !vips.IsSingle() {
			networks++
		}
	}
	return specCounts{len(spec.Clusters), len(vips) - networks, networks, len(servers)}
}

func (c specCounts) String() string {
	vips := plural(c.VIPs, "VIP")
	if c.VIPNetworks > 0 {
		vips += ", " + plural(c.VIPNetworks, "VIP network")
	}
	return fmt.Sprintf("%s, %s, %s", plural(c.Clusters, "cluster"), vips, plural(c.RealServers, "real server"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
