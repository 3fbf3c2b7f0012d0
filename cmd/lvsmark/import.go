package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/printable"
)

func newImport(s streams, opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE...",
		Short: "make a spec of a configuration without lvsmark",
		Long: `Import reads the configuration that serves FTP without lvsmark, and prints a
spec for it. It recognises each file by its content: iptables-save, shell scripts
with iptables, ipset and ipvsadm commands, ipvsadm-save, keepalived.conf,
ldirectord.cf, lvs.cf of Piranha, firewalld's XML, vsftpd.conf, proftpd.conf,
pure-ftpd.conf. Several files are joined: the marks of one, the services of another,
the passive range of a third.

A comment of the spec names the line that each value comes from. Findings name what
a spec cannot contain, what is missing, and what is probably a mistake; they go to
standard error. Then use verify: it proves whether the spec serves the same packets
in the same way.

It needs no privileges and does not access the kernel.

Exit status: 0, the spec is printed; 1, it is printed, and there are findings;
2, a file cannot be read.`,
		Example: `  lvsmark import /etc/sysconfig/iptables /etc/sysconfig/ha/lvs.cf /etc/vsftpd/vsftpd.conf > lvsmark.yaml
  lvsmark import /etc/keepalived/keepalived.conf firewall.sh
  lvsmark import -o json rc.local`,
		DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageErrorf(cmd, "import needs a file")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, files []string) error { return runImport(s, opts, files) },
	}
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

func runImport(s streams, opts *options, files []string) error {
	old, err := readOld(files)
	if err != nil {
		return err
	}
	d := draft.New(old)
	text := d.Text()
	_, _, err = config.Parse("spec", strings.NewReader(text))
	mistakes, invalid := errors.AsType[config.Mistakes](err)
	if err != nil && !invalid {
		return err
	}
	for _, m := range mistakes {
		at := oldconfig.Line{File: "spec", Number: m.Line, Text: strings.Split(text, "\n")[m.Line-1]}
		d.Findings = append(d.Findings, oldconfig.Remark{Line: at, Message: m.Message})
	}
	if opts.output == formatJSON {
		err = s.printJSON(importDocument{documentVersion, text, !invalid, findingsOf(d)})
	} else {
		for _, f := range d.Findings {
			s.printErr("%s: %s", f.Line, printable.Line(f.Message))
		}
		err = s.print(text)
	}
	if err == nil && len(d.Findings) > 0 {
		err = errFindings
	}
	return err
}

func findingsOf(d *draft.Draft) []findingOfFiles {
	findings := []findingOfFiles{} // never null
	for _, f := range d.Findings {
		findings = append(findings, findingOfFiles{f.File, f.Number, f.Text, f.Message})
	}
	return findings
}
