package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/internal/importer/draft"
	"github.com/lvsmark/lvsmark/internal/printable"
)

func newImport(s streams, opts *options) *cobra.Command {
	var fromKernel bool
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "make a spec of a configuration without lvsmark",
		Long: `Import reads the configuration that serves FTP without lvsmark, and prints a
spec for it. It recognises each file by its content: iptables-save, shell scripts
with iptables, ipset and ipvsadm commands, nft, ipvsadm -Sn, /etc/default/ipvsadm,
systemd units of ipvsadm, keepalived.conf, ldirectord.cf, lvs.cf of Piranha,
firewalld's XML, vsftpd.conf, proftpd.conf with the files that it includes,
pure-ftpd.conf, the files of /etc/pure-ftpd/conf; - is standard input; --live reads
the kernel, and lvsmark's records in it. Several files are joined: the marks of one,
the services of another, the passive range of a third.

A comment of the spec names the line that each value comes from. Findings name what
a spec cannot contain, what is missing, and what is probably a mistake; they go to
standard error. Import also compares the spec with the old configuration, as verify
does, and each difference is a finding.

It needs no privileges, except for --live, and for files of nft, which nft loads in a
network namespace of its own.

Exit status: 0, the spec is printed; 1, it is printed, and there are findings;
2, a file cannot be read.`,
		Example: `  lvsmark import /etc/sysconfig/iptables /etc/sysconfig/ha/lvs.cf /etc/vsftpd/vsftpd.conf > lvsmark.yaml
  lvsmark import /etc/keepalived/keepalived.conf firewall.sh
  lvsmark import -o json rc.local`,
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !fromKernel {
				return usageErrorf(cmd, "no file given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			return runImport(cmd.Context(), s, opts, files, fromKernel)
		},
	}
	cmd.Flags().BoolVar(&fromKernel, "live", false, "read the old configuration from the kernel")
	return cmd
}

// An importDocument is the JSON output of import.
type importDocument struct {
	Version  int              `json:"version"`
	Spec     string           `json:"spec"`
	Valid    bool             `json:"valid"`
	Findings []findingOfFiles `json:"findings"`
}

// A findingOfFiles is a finding about a line of an old configuration. Line is 0 if the
// source has no lines; then text names the object.
type findingOfFiles struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Text    string `json:"text"`
	Message string `json:"message"`
}

func runImport(ctx context.Context, s streams, opts *options, files []string, fromKernel bool) error {
	steps := newProgress(s)
	defer steps.stop()
	d, err := interruptible(ctx, "reading", func() (*draft.Draft, error) {
		steps.step("read the old configuration")
		old, err := readOld(s, opts, files, fromKernel)
		if err != nil {
			return nil, err
		}
		steps.step("make a spec of it, and compare them")
		d := draft.New(old)
		return d, d.Check(old)
	})
	if err != nil {
		return err
	}
	if err := printDraft(s, opts, d); err != nil || len(d.Findings) == 0 {
		return err
	}
	return errFindings
}

func printDraft(s streams, opts *options, d *draft.Draft) error {
	if opts.output == formatJSON {
		return s.printJSON(importDocument{documentVersion, d.Text(), d.Valid, findingsOf(d)})
	}
	for _, f := range d.Findings {
		s.printErr("%s: %s", printable.Line(f.Line.String()), printable.Line(f.Message))
	}
	return s.print(d.Text())
}

func findingsOf(d *draft.Draft) []findingOfFiles {
	findings := []findingOfFiles{} // never null
	for _, f := range d.Findings {
		findings = append(findings, findingOfFiles{f.File, f.Number, f.Excerpt(), f.Message})
	}
	return findings
}
