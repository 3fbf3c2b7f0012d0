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

	firstTry   = 300 * time.Millisecond // of a connection, see awaitServed
	longestTry = 5 * time.Second
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
		fmt.Fprintf(&b, "new sessions of %s: %v\n", f, p.connect(f, longestTry))
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

// awaitServed waits until ready reports true and the client gets the greeting of an FTP server at the
// VIPs. It gives each try more time than the one before, because a busy machine needs it; the first
// one has little, so that the time until new sessions work is exact.
func (p *pair) awaitServed(what string, ready func() bool) {
	p.t.Helper()
	try := firstTry
	p.await(what, func() bool {
		if !ready() {
			return false
		}
		if !slices.ContainsFunc(config.Families(), func(f config.Family) bool { return p.connect(f, try) != nil }) {
			return true
		}
		try = min(try*3/2, longestTry)
		return false
	})
}

// connect reads the greeting of an FTP server at the VIP of a family, for which the server has seven
// times as long as the connection. It connects from an address that no session has.
func (p *pair) connect(f config.Family, limit time.Duration) error {
	return p.Client.Do(func() error {
		dialer := net.Dialer{Timeout: limit, LocalAddr: &net.TCPAddr{IP: p.prober[f].AsSlice()}}
		conn, err := dialer.Dial("tcp", net.JoinHostPort(lab.VIP(f).String(), "21"))
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(7 * limit))
		_, err = conn.Read(make([]byte, 3))
		return err
	})
}
