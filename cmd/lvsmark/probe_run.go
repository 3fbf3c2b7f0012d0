package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/probe"
)

// errProbeFailed makes probe exit with statusDifference.
var errProbeFailed = fmt.Errorf("a session failed: %w", errDifference)

// targetsOf returns the targets of a cluster at a control port.
type targetsOf func(*config.Cluster, uint16) ([]probe.Target, error)

// run makes the sessions and prints them.
func (f *probeFlags) run(cmd *cobra.Command, s streams, opts *options, cluster string, targets targetsOf) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	sessions, do, err := f.prepare(cmd, s, opts, cluster, targets)
	if err != nil && f.failOpen && cmd.Context().Err() == nil {
		s.printErr("lvsmark: nothing was probed: %s", strings.ReplaceAll(printable.Lines(err.Error()), "\n", "\nlvsmark: "))
		return nil
	}
	if err != nil {
		return err
	}
	steps := newProgress(s)
	do.Progress = func(p probe.Session, step string) { steps.step(sessionText(p) + ": " + step) }
	var results []probe.Result
	err = probe.Run(cmd.Context(), sessions, do, func(r probe.Result) { results = append(results, r) })
	steps.stop()
	if err != nil {
		return err
	}
	return s.printProbe(opts.output, do.TLS, results)
}

// prepare does all that needs no server.
func (f *probeFlags) prepare(cmd *cobra.Command, s streams, opts *options, name string, targets targetsOf) ([]probe.Session, probe.Options, error) {
	var do probe.Options
	spec, _, err := opts.load(cmd.Context(), s)
	if err != nil {
		return nil, do, err
	}
	cluster, err := ftpCluster(spec, name)
	if err != nil {
		return nil, do, err
	}
	security := f.securityOf(cluster.FTP)
	if security == probe.NoTLS && f.needsTLS() {
		return nil, do, usageErrorf(cmd, "a flag of TLS without TLS: add --tls explicit or --tls implicit")
	}
	port, err := probe.ControlPort(cluster.FTP, security)
	if err != nil {
		return nil, do, fmt.Errorf("cluster %s: %w", name, err)
	}
	list, err := targets(cluster, port)
	if err != nil {
		return nil, do, err
	}
	sessions := f.sessions(list)
	if len(sessions) == 0 {
		return nil, do, fmt.Errorf("cluster %s: no address of the family of --mode %s and --source %s", name, strings.Join(f.modes, ","), f.source)
	}
	do, err = f.options(opts, security)
	return sessions, do, err
}

// securityOf returns the kind of TLS. If no flag says it, the ports do.
func (f *probeFlags) securityOf(ftp *config.FTP) probe.TLS {
	if f.security != "" {
		return probe.TLS(f.security)
	}
	if _, err := probe.ControlPort(ftp, probe.NoTLS); err != nil {
		return probe.Implicit
	}
	return probe.NoTLS
}
