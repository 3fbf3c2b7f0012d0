package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/probe"
)

// defaultProbeTimeout is shorter than the delay_loop of keepalived, 60 s.
const defaultProbeTimeout = 10 * time.Second

// probeFlags are the flags of probe vip and probe server.
type probeFlags struct {
	modes        []string
	security     string
	caFile       string
	serverName   string
	insecure     bool
	tlsMax       string
	requireReuse bool
	user         string
	passwordFile string
	retrieve     string
	source       string
	timeout      time.Duration
	failOpen     bool

	from netip.Addr // of source; invalid if there is none
}

func (f *probeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.modes, "mode", nil, "data connections, a list of `MODE`: pasv, epsv, port, eprt, or all (default pasv; IPv6: epsv)")
	flags.StringVar(&f.security, "tls", "", "`TLS` of control and data: none, explicit (AUTH TLS) or implicit (port 990) (default by the control ports)")
	flags.StringVar(&f.caFile, "ca-file", "", "trust the certificates in the PEM `FILE`, - is standard input (default those of the system)")
	flags.StringVar(&f.serverName, "server-name", "", "the `NAME` or address that the certificate must have (default the VIP)")
	flags.BoolVar(&f.insecure, "insecure", false, "accept any certificate")
	flags.StringVar(&f.tlsMax, "tls-max", "", "the highest `VERSION` of TLS: 1.2 or 1.3 (default 1.3)")
	flags.BoolVar(&f.requireReuse, "require-reuse", false, "a data connection with a new TLS session is a finding")
	flags.StringVar(&f.user, "user", "", "log in as `NAME` (default anonymous)")
	flags.StringVar(&f.passwordFile, "password-file", "", "the password of --user is the first line of `FILE`; - is standard input")
	flags.StringVar(&f.retrieve, "retrieve", "", "retrieve the file `PATH` instead of a listing")
	flags.StringVar(&f.source, "source", "", "connect from this `ADDRESS` of the host")
	flags.DurationVar(&f.timeout, "timeout", defaultProbeTimeout, "the limit for all sessions together, a `TIME` such as 5s")
	completeList(cmd, "mode", func() []string { return []string{"pasv", "epsv", "port", "eprt", "all"} })
	complete(cmd, "tls", cobra.FixedCompletions([]string{"none", "explicit", "implicit"}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "tls-max", cobra.FixedCompletions([]string{"1.2", "1.3"}, cobra.ShellCompDirectiveNoFileComp))
}

// check reports mistakes in the flags, before any file is read.
func (f *probeFlags) check(cmd *cobra.Command) (err error) {
	modes := []string{"pasv", "epsv", "port", "eprt", "all"}
	for _, mode := range f.modes {
		if !slices.Contains(modes, mode) {
			return usageErrorf(cmd, "--mode: unknown mode %q: use %s", mode, strings.Join(modes, ", "))
		}
	}
	if f.source != "" {
		if f.from, err = netip.ParseAddr(f.source); err != nil {
			return usageErrorf(cmd, "--source: %q is not an address", f.source)
		}
	}
	switch {
	case !slices.Contains([]string{"", "none", "explicit", "implicit"}, f.security):
		return usageErrorf(cmd, "--tls: unknown %q: use none, explicit or implicit", f.security)
	case !slices.Contains([]string{"", "1.2", "1.3"}, f.tlsMax):
		return usageErrorf(cmd, "--tls-max: unknown version %q: use 1.2 or 1.3", f.tlsMax)
	case (f.user == "") != (f.passwordFile == ""):
		return usageErrorf(cmd, "--user and --password-file belong together")
	case f.timeout <= 0:
		return usageErrorf(cmd, "--timeout must be greater than 0")
	case hasBreak(f.user) || hasBreak(f.retrieve):
		return usageErrorf(cmd, "--user and --retrieve cannot have control characters")
	}
	return nil
}

// needsTLS reports whether a flag has a meaning with TLS only.
func (f *probeFlags) needsTLS() bool {
	return f.requireReuse || f.insecure || f.caFile != "" || f.serverName != "" || f.tlsMax != ""
}

// hasBreak reports whether a text would end a command of FTP.
func hasBreak(text string) bool {
	return strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// sessions returns a session for each target and mode that the flags select.
func (f *probeFlags) sessions(targets []probe.Target) (list []probe.Session) {
	for _, t := range targets {
		if f.from.IsValid() && config.FamilyOf(f.from) != t.Family() {
			continue
		}
		for i, mode := range probe.Modes(t.Family()) {
			usual := len(f.modes) == 0 && i == 0
			if usual || slices.Contains(f.modes, "all") || slices.Contains(f.modes, string(mode)) {
				list = append(list, probe.Session{Target: t, Mode: mode})
			}
		}
	}
	return list
}

// options reads the files of the flags.
func (f *probeFlags) options(s streams, opts *options, security probe.TLS) (probe.Options, error) {
	o := probe.Options{
		TLS: security, ServerName: f.serverName, Insecure: f.insecure, MaxTLS12: f.tlsMax == "1.2", RequireReuse: f.requireReuse,
		User: f.user, Retrieve: f.retrieve, Source: f.from, Timeout: f.timeout,
		Sockets: func(open func() error) error { return lvsmark.InNamespace(opts.netns, open) },
	}
	var err error
	if f.caFile != "" {
		if o.Roots, err = readRoots(s, f.caFile); err != nil {
			return o, err
		}
	}
	if f.passwordFile != "" {
		if o.Password, err = readPassword(s, f.passwordFile); err != nil {
			return o, err
		}
	}
	return o, o.Sockets(func() error { return nil }) // the namespace exists
}

// maxPEM and maxPassword are the bytes of the files of --ca-file and --password-file.
const (
	maxPEM      = 16 << 20
	maxPassword = 4 << 10
)

const otherUsersRead = 0o004 // see chmod(1)

func readRoots(s streams, name string) (*x509.CertPool, error) {
	text, err := s.readBounded(name, maxPEM)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate in PEM form", inputName(name))
	}
	return roots, nil
}

func readPassword(s streams, name string) (string, error) {
	text, err := s.readBounded(name, maxPassword)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(name); name != stdin && err == nil && info.Mode().IsRegular() && info.Mode()&otherUsersRead != 0 {
		s.printErr("lvsmark: warning: every user can read the password in %s: chmod 600 %[1]s", name)
	}
	password, _, _ := strings.Cut(string(text), "\n")
	password = strings.TrimSuffix(password, "\r")
	name = inputName(name)
	switch {
	case password == "":
		return "", fmt.Errorf("%s: the first line is empty: it must be the password", name)
	case hasBreak(password):
		return "", fmt.Errorf("%s: a password cannot have control characters", name)
	}
	return password, nil
}

func (s streams) readBounded(name string, limit int64) ([]byte, error) {
	file, err := s.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	name = inputName(name)
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = errors.New("the file is too long")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}
