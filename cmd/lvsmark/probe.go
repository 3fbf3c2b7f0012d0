package main

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
	"github.com/lvsmark/lvsmark/internal/probe"
	"github.com/lvsmark/lvsmark/internal/render"
)

const probeHelp = `Probe logs in to an FTP server, opens a data connection, and lists a directory or
retrieves a file. It checks what only a real session shows: PASV names a VIP, the
passive port is in passive-ports, active data comes from the address that the
client knows, and with TLS the data connection resumes the session of the control
connection, as vsftpd and proftpd require by default.

The first step that fails ends the session and is its finding. All sessions
together take --timeout at most, whatever a server does.`

// probeStatus is the end of the help of probe and of its subcommands.
const probeStatus = `

Exit status: 0, every session succeeded; 1, a finding; 2, an error: nothing was
probed, or an interrupt.`

func newProbe(s streams, opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "probe vip|server",
		Short: "make a real FTP session to a VIP or a real server",
		Long:  probeHelp + probeStatus,
		Example: `  lvsmark probe server ftp rs1
  lvsmark probe vip ftp --mode all --tls explicit`,
		DisableFlagsInUseLine: true,
		Args:                  subcommandOf("target"),
		RunE:                  func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(newProbeVIP(s, opts), newProbeServer(s, opts))
	return cmd
}

func newProbeVIP(s streams, opts *options) *cobra.Command {
	var flags probeFlags
	var vip string
	cmd := &cobra.Command{
		Use:   "vip CLUSTER",
		Short: "probe an FTP cluster as a client does",
		Long: `Probe vip makes FTP sessions to a VIP of each address family, as a client does. Run
it on a client: connections of the director itself to a VIP work only under
conditions, see docs/operations.md, "Clients on the director".

It proves that control and data connections reach the same real server, and for
active data that the director translates the source to the VIP.` + probeStatus,
		Example: `  lvsmark probe vip ftp
  lvsmark probe vip ftp --mode all --tls explicit --server-name ftp.example.com
  lvsmark probe vip ftp --vip 198.51.100.22 --retrieve pub/README -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageErrorf(cmd, "probe vip takes the name of an FTP cluster")
			}
			return nil
		},
		ValidArgsFunction: completeProbe(s, opts),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.run(cmd, s, opts, args[0], func(c *config.Cluster, port uint16) ([]probe.Target, error) {
				return vipTargets(cmd, c, vip, port)
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&vip, "vip", "", "the VIP `ADDRESS` (default the first of each address family)")
	completeVIP(s, opts, cmd)
	return cmd
}

// completeVIP completes --vip with the VIPs of the cluster, or of all FTP clusters if it has no name
// yet: of a network or range, with the first address.
func completeVIP(s streams, opts *options, cmd *cobra.Command) {
	complete(cmd, "vip", func(cmd *cobra.Command, args []string, _ string) (vips []string, _ cobra.ShellCompDirective) {
		spec, _, err := opts.load(cmd.Context(), s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, c := range spec.Clusters {
			if c.FTP == nil || len(args) > 0 && c.Name != args[0] {
				continue
			}
			for _, r := range c.VIPs {
				if vip := r.First.String(); !slices.Contains(vips, vip) {
					vips = append(vips, vip)
				}
			}
		}
		return vips, cobra.ShellCompDirectiveNoFileComp
	})
}

func vipTargets(cmd *cobra.Command, c *config.Cluster, vip string, port uint16) ([]probe.Target, error) {
	if vip == "" {
		return probe.VIPTargets(c, port), nil
	}
	address, err := netip.ParseAddr(vip)
	if err != nil {
		return nil, usageErrorf(cmd, "--vip: %q is not an address", vip)
	}
	if !slices.ContainsFunc(c.VIPs, func(r config.AddressRange) bool { return r.Contains(address) }) {
		return nil, fmt.Errorf("%s is not a VIP of cluster %s", address, c.Name)
	}
	return []probe.Target{probe.VIPTarget(c, address, port)}, nil
}

func newProbeServer(s streams, opts *options) *cobra.Command {
	var flags probeFlags
	cmd := &cobra.Command{
		Use:   "server CLUSTER NAME",
		Short: "probe a real server directly",
		Long: `Probe server makes FTP sessions to a real server, not through IPVS. NAME is its name
or address in the spec. Run it on the director, or as a health check: 'lvsmark render
keepalived --check ftp' prints such checks for keepalived.

It checks what clients of the VIP depend on: with nat, PASV must name a VIP, and
active data must come from a port of active-data. Data connections go to the real
server itself, whatever PASV names.

With --fail-open, the exit status is 0 instead of 2 if the spec cannot be read, has a
mistake or does not have the real server: a health check must not remove all real
servers because of that. The reason is then on standard error and in the system log.` + probeStatus,
		Example: `  lvsmark probe server ftp rs1
  lvsmark probe server ftp 10.0.0.11 --mode all --timeout 5s
  lvsmark probe server ftp rs1 --user monitor --password-file /etc/lvsmark/monitor
  lvsmark probe server ftp rs1 --tls explicit --require-reuse --ca-file /etc/ssl/ftp.pem`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageErrorf(cmd, "probe server takes the names of an FTP cluster and of a real server")
			}
			return nil
		},
		ValidArgsFunction: completeProbe(s, opts),
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.run(cmd, s, opts, args[0], func(c *config.Cluster, port uint16) ([]probe.Target, error) {
				targets := probe.ServerTargets(c, args[1], port)
				if len(targets) == 0 {
					return nil, lookup.Unknown("cluster "+c.Name+" has no real server", args[1], lookup.Servers([]config.Cluster{*c}))
				}
				return targets, nil
			})
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&flags.failOpen, "fail-open", false, "exit with 0 if the spec does not allow the probe")
	return cmd
}

// completeProbe completes the name of a cluster, then that of a real server.
func completeProbe(s streams, opts *options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		spec, _, err := opts.load(cmd.Context(), s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) == 0 {
			return render.FTPNames(spec), cobra.ShellCompDirectiveNoFileComp
		}
		if c, err := ftpCluster(spec, args[0]); err == nil && len(args) == 1 && cmd.Name() == "server" {
			return lookup.Servers([]config.Cluster{*c}), cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

func ftpCluster(spec *config.Spec, name string) (*config.Cluster, error) {
	for i := range spec.Clusters {
		if c := &spec.Clusters[i]; c.Name == name && c.FTP != nil {
			return c, nil
		}
	}
	if names := render.FTPNames(spec); len(names) > 0 {
		return nil, lookup.Unknown("the spec has no FTP cluster", name, names)
	}
	return nil, fmt.Errorf("the spec has no FTP cluster: add an ftp section to a cluster")
}
