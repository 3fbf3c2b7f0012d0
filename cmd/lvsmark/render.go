package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
	"github.com/lvsmark/lvsmark/internal/render/vsftpd"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

func newRender(s streams, opts *options) *cobra.Command {
	render := &cobra.Command{
		Use:   "render TARGET",
		Short: "print what the spec means for another program",
		Long: `Render prints what the spec means in the words of another program.

It needs no privileges and asks nothing of the kernel.

Exit status: 0, printed; 2, the spec is not valid, or has nothing for the target.`,
		Example: `  lvsmark render nft
  lvsmark -c ftp.yaml render vsftpd --cluster ftp`,
		DisableFlagsInUseLine: true,
		Args:                  verbOf("target"),
		RunE:                  func(*cobra.Command, []string) error { return nil },
	}
	render.AddCommand(newRenderNFT(s, opts), newRenderIPVSAdm(s, opts), newRenderIPTables(s, opts), newRenderVSFTPD(s, opts))
	return render
}

// renderTarget completes a command whose text is a function of the spec.
func renderTarget(s streams, opts *options, cmd *cobra.Command, text func(*config.Spec) (string, error)) *cobra.Command {
	cmd.Args = noArgs
	cmd.Long += `

It needs no privileges and asks nothing of the kernel.

Exit status: 0, printed; 2, the spec is not valid, or has nothing for the target.`
	cmd.RunE = func(*cobra.Command, []string) error {
		spec, _, err := opts.load(s)
		if err != nil {
			return err
		}
		rendered, err := text(spec)
		if err != nil {
			return err
		}
		if opts.output == formatJSON {
			return s.printJSON(renderDocument{documentVersion, cmd.Name(), rendered})
		}
		return s.print(rendered)
	}
	return cmd
}

func newRenderNFT(s streams, opts *options) *cobra.Command {
	return renderTarget(s, opts, &cobra.Command{
		Use:   "nft",
		Short: "the nftables ruleset, as nft -f reads it",
		Long: `Render nft prints the nftables tables of the spec as nft -f reads them: those
that apply installs.`,
		Example: `  lvsmark render nft | nft -c -f -`,
	}, func(spec *config.Spec) (string, error) {
		return nft.Compile(spec).String(), nil
	})
}

func newRenderIPVSAdm(s streams, opts *options) *cobra.Command {
	return renderTarget(s, opts, &cobra.Command{
		Use:     "ipvsadm",
		Short:   "the IPVS services, as ipvsadm -R reads them",
		Long:    `Render ipvsadm prints the IPVS services of the spec as ipvsadm -R reads them.`,
		Example: `  lvsmark render ipvsadm | ipvsadm -R`,
	}, func(spec *config.Spec) (string, error) {
		if !spec.Director.Bind {
			return "", errors.New("the spec has no IPVS services: director.bind is false, so another program binds the marks")
		}
		return ipvs.Text(ipvs.Compile(spec)), nil
	})
}

func newRenderIPTables(s streams, opts *options) *cobra.Command {
	return renderTarget(s, opts, &cobra.Command{
		Use:   "iptables",
		Short: "the marks and translations as rules of iptables-restore",
		Long: `Render iptables prints the rules that mark and translate as the spec does, as
iptables-restore and ip6tables-restore read them: one rule for each VIP and range
of ports. They are for reading and comparing, and for directors that stay with
iptables; with many VIPs they cost far more than the nftables of apply.

Where the spec serves IPv4 and IPv6, rules begin with -4 or -6, and both programs
read the same text.`,
		Example: `  lvsmark render iptables | iptables-restore --noflush
  lvsmark render iptables | ip6tables-restore --noflush`,
	}, func(spec *config.Spec) (string, error) {
		return iptables.Text(spec), nil
	})
}

func newRenderVSFTPD(s streams, opts *options) *cobra.Command {
	var cluster string
	cmd := renderTarget(s, opts, &cobra.Command{
		Use:   "vsftpd",
		Short: "what vsftpd.conf of the real servers has to say",
		Long: `Render vsftpd prints the settings of vsftpd.conf that have to agree with the
director: the ports of data connections, and the address that PASV names. Every
real server of a cluster has the same. They can be appended to a vsftpd.conf that
is in use.`,
		Example: `  lvsmark render vsftpd --cluster ftp >> vsftpd.conf`,
	}, func(spec *config.Spec) (string, error) {
		clusters, err := ftpClusters(spec, cluster)
		if err != nil {
			return "", err
		}
		fragments := make([]string, 0, len(clusters))
		for _, c := range clusters {
			fragment, err := vsftpd.Fragment(c)
			if err != nil {
				return "", err
			}
			fragments = append(fragments, fragment)
		}
		return strings.Join(fragments, "\n"), nil
	})
	cmd.Flags().StringVar(&cluster, "cluster", "", "only the FTP cluster `NAME` (default all)")
	complete(cmd, "cluster", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		spec, _, err := opts.load(s)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return ftpNames(spec), cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

// ftpClusters returns the FTP cluster of the name, or all when it is empty.
func ftpClusters(spec *config.Spec, name string) ([]*config.Cluster, error) {
	var clusters []*config.Cluster
	for i := range spec.Clusters {
		if c := &spec.Clusters[i]; c.FTP != nil && (name == "" || c.Name == name) {
			clusters = append(clusters, c)
		}
	}
	switch names := ftpNames(spec); {
	case len(clusters) > 0:
		return clusters, nil
	case len(names) == 0:
		return nil, errors.New("the spec has no FTP cluster: give one an ftp section")
	default:
		return nil, fmt.Errorf("the spec has no FTP cluster %q: it has %s", name, strings.Join(names, ", "))
	}
}

func ftpNames(spec *config.Spec) []string {
	var names []string
	for _, c := range spec.Clusters {
		if c.FTP != nil {
			names = append(names, c.Name)
		}
	}
	return names
}
