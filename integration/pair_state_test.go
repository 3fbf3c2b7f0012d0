package integration_test

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

const (
	failOverTimeout = 2 * time.Minute  // an emulated VM is slow
	slowFailOver    = 20 * time.Second // after it, await logs what the pair is waiting for
)

// await waits until ready reports true. A pair that takes long logs its state once, so that the
// log of a run says why.
func (p *pair) await(what string, ready func() bool) {
	p.t.Helper()
	began, logged := time.Now(), false
	for ; !ready(); time.Sleep(50 * time.Millisecond) {
		switch waited := time.Since(began); {
		case waited > failOverTimeout:
			p.logState(what)
			require.FailNow(p.t, "timeout: "+what)
		case waited > slowFailOver && !logged:
			p.logState(what)
			logged = true
		}
	}
}

// logState logs who has the VIPs, what the client knows of them, and why it is not served.
func (p *pair) logState(what string) {
	p.t.Helper()
	var b strings.Builder
	for i, h := range p.hosts {
		fmt.Fprintf(&b, "%s has the VIPs: %t\n", h.Name, p.hasVIPs(i))
		for _, command := range []string{
			"ip -o address show dev " + lab.OutgoingDevice, "ip -o link show dev " + lab.OutgoingDevice,
			"ip -o neigh show", "ipvsadm -Ln --stats", "ipvsadm -L --daemon",
		} {
			b.WriteString(output(h, command))
		}
	}
	b.WriteString("client:\n" + output(p.Client, "ip -o neigh show"))
	for _, f := range config.Families() {
		fmt.Fprintf(&b, "new sessions of %s: %v\n", f, p.connect(f))
	}
	p.t.Logf("%s: not after %v:\n%s", what, slowFailOver, b.String())
}

// output returns what a command prints, or its error.
func output(h *lab.Host, command string) string {
	words := strings.Fields(command)
	out, err := h.Run(words[0], words[1:]...)
	if err != nil {
		return err.Error() + "\n"
	}
	return out
}

// logFailure prints what keepalived has logged on each director, if the test has failed.
func (p *pair) logFailure() {
	for i, h := range p.hosts {
		if h == nil || !p.t.Failed() {
			continue
		}
		log, err := os.ReadFile(p.file(i, "log"))
		p.t.Logf("keepalived of %s: %v\n%s", h.Name, err, log)
	}
}

// served reports whether the client gets the greeting of an FTP server at the VIPs.
func (p *pair) served() bool {
	return !slices.ContainsFunc(config.Families(), func(f config.Family) bool { return p.connect(f) != nil })
}

// connect reads the greeting of an FTP server at the VIP of a family. It connects from an
// address that no session has.
func (p *pair) connect(f config.Family) error {
	return p.Client.Do(func() error {
		dialer := net.Dialer{Timeout: 300 * time.Millisecond, LocalAddr: &net.TCPAddr{IP: p.prober[f].AsSlice()}}
		conn, err := dialer.Dial("tcp", net.JoinHostPort(lab.VIP(f).String(), "21"))
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		_, err = conn.Read(make([]byte, 3))
		return err
	})
}
