package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/internal/verify"
)

const verifyHelp = `Verify compares the spec with a configuration that serves packets without
lvsmark: files of iptables-save, nft (text, or nft -j list ruleset), ipvsadm -Sn,
keepalived, ldirectord and Piranha (lvs.cf), in any combination; --live reads the
kernel. A file is recognised by its content; - is standard input.

It compares what becomes of each packet: the mark, the service that IPVS finds
for it (by mark; by address and port; for FTP data, at port 21; at port 0), the
scheduler, the persistence, the real servers with weight, forwarding and port;
the translation of the source of packets to real servers (source-nat) and of
connections that real servers with nat open. The numbers of marks, names and the order of servers do not matter. The
packets are not samples: the comparison is complete.

When the spec is applied, rules of the old side in the tables raw, nat and filter
stay, and so do tables of nft that set no mark: they apply to both sides. The
spec replaces the table mangle, tables of nft that set marks, and the services.

The answer is one of these:

  equivalent   both do the same with every packet
  different    with a packet for each kind of difference, what each side does
               with it, and the line or object that does it
  not proven   with the lines that are not understood and may concern packets of
               a cluster, and the differences if these lines do nothing

Connections of the director itself are not compared. An nft file needs nft and
CAP_SYS_ADMIN, or unshare -r: nft loads it in a network namespace of its own.

Exit status: 0, equivalent; 1, different or not proven; 2, an error.`

func newVerify(s streams, opts *options) *cobra.Command {
	var fromKernel bool
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "compare what the spec and an old configuration do with every packet",
		Long:  verifyHelp,
		Example: `  iptables-save > rules; ipvsadm -Sn > services
  lvsmark -c ftp.yaml verify rules services
  iptables-save | lvsmark verify - services
  lvsmark verify --live
  lvsmark verify -o json keepalived.conf rules | jq .answer`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !fromKernel {
				return usageErrorf(cmd, "no file given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			return runVerify(cmd.Context(), s, opts, files, fromKernel)
		},
	}
	cmd.Flags().BoolVar(&fromKernel, "live", false, "read the old configuration from the kernel")
	return cmd
}

// errNotEquivalent makes verify exit with statusDifference.
var errNotEquivalent = fmt.Errorf("not equivalent: %w", errDifference)

func runVerify(ctx context.Context, s streams, opts *options, files []string, fromKernel bool) error {
	spec, _, err := opts.load(ctx, s)
	if err != nil {
		return err
	}
	steps := newProgress(s)
	defer steps.stop()
	report, err := interruptible(ctx, "comparing", func() (*verify.Report, error) {
		steps.step("read the old configuration")
		old, err := readOld(s, opts, files, fromKernel)
		if err != nil {
			return nil, err
		}
		steps.step("compare it with the spec")
		return verify.Compare(old, spec)
	})
	if err != nil {
		return err
	}
	if err := printReport(s, opts, report); err != nil || report.Equivalent() {
		return err
	}
	return errNotEquivalent
}

func printReport(s streams, opts *options, report *verify.Report) error {
	if opts.output == formatJSON {
		return s.printJSON(newVerifyDocument(report))
	}
	return s.print(report.Text())
}
