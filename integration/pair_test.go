package integration_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// The settings of a pair.
type pairSettings struct {
	bind    bool // lvsmark owns IPVS; otherwise keepalived does
	sync    bool
	preempt bool // the first director, which has the higher priority, takes the VIPs back
	sharded bool // passive shards
}

// A pair is a lab with two directors. keepalived moves the VIPs between them.
type pair struct {
	*lab.Lab
	t *testing.T
	pairSettings
	hosts  [2]*lab.Host
	daemon [2]*lab.Process
	prober map[config.Family]netip.Addr // of served
	dir    string                       // of root, for the script that keepalived runs
	size   int                          // of the file that sessions transfer, in bytes
}

// sessionsOfRound are the sessions under way when something happens: each mode of both families.
func sessionsOfRound() (sessions []lab.Session) {
	for _, f := range config.Families() {
		for _, security := range []lab.Security{lab.Plain, lab.Explicit} {
			sessions = append(sessions, lab.Session{Client: lab.LFTP, Family: f, Mode: lab.EPSV, Security: security})
		}
		sessions = append(sessions, lab.Session{Client: lab.Own, Family: f, Mode: lab.EPRT, Security: lab.Plain})
	}
	return sessions
}

const (
	pairFile = 512 << 10 // at first, see underWay
	pairRate = 32 << 10  // so that a session lasts half a minute

	lostSession = 40 * time.Second // without sync a client does not wait longer
)

func newPair(t *testing.T, s pairSettings) *pair {
	need.IPVS(t)
	need.Programs(t, "ip", "nft", "ipvsadm", "keepalived", "vsftpd", "lftp", "openssl")
	o := lab.Options{Forwarding: config.Direct, Rate: pairRate, Sharded: s.sharded}
	if !s.sync {
		o.ClientTimeout = lostSession
	}
	dir, err := os.MkdirTemp("/run", "lvsmark-pair-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) }) // after the lab, whose programs write to it
	l := lab.New(t, o)
	p := &pair{Lab: l, t: t, pairSettings: s, dir: dir, size: pairFile, prober: map[config.Family]netip.Addr{}}
	t.Cleanup(p.logFailure)
	for _, f := range config.Families() {
		from, err := l.ClientAddress(f)
		require.NoError(t, err)
		p.prober[f] = from
	}
	second, err := l.AddDirector(2)
	require.NoError(t, err)
	p.hosts = [2]*lab.Host{l.Director, second}
	for i, h := range p.hosts {
		require.NoError(t, h.Sysctls(map[string]string{"net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.default.rp_filter": "0"}))
		require.NoError(t, os.WriteFile(p.file(i, "yaml"), []byte(p.spec(i)), 0o600))
	}
	require.NoError(t, l.WriteSpec(p.spec(0)))
	require.NoError(t, l.StartFTP(21)) // before keepalived, which checks the real servers at once
	p.start(0)
	p.start(1)
	return p
}

func (p *pair) file(i int, suffix string) string {
	return filepath.Join(p.dir, fmt.Sprintf("%s.%s", p.hosts[i].Name, suffix))
}

func (p *pair) spec(i int) string {
	var vips, servers []string
	for _, f := range config.Families() {
		vips = append(vips, strconv.Quote(lab.VIP(f).String()))
		for _, s := range p.Servers {
			servers = append(servers, fmt.Sprintf("{address: %q}", s.Address(f)))
		}
	}
	sync := ""
	if p.sync {
		sync = "  sync: {role: both, device: lan, id: 1}\n"
	}
	ftp := "ftp: "
	if p.sharded { // mh sends the answers to active data to the real server of the client, as persistence does
		ftp = "ftp: {passive-shards: 4}, scheduler: mh"
	}
	return fmt.Sprintf("clusters:\n  - {name: ftp, mark: 21, vips: [%s], %s, forwarding: direct, real-servers: [%s]}\ndirector:\n  bind: %t\n%s"+
		"  vrrp: {device: wan, router-id: 51, priority: %d, preempt: %t, peers: [%s], source: %s}\n",
		strings.Join(vips, ", "), ftp, strings.Join(servers, ", "), p.bind, sync,
		150-50*i, p.preempt, lab.Outside(config.IPv4, 2-i), lab.Outside(config.IPv4, 1+i))
}

// lvsmark runs a verb on a director.
func (p *pair) lvsmark(i int, verb ...string) string {
	p.t.Helper()
	out, err := p.hosts[i].Run(need.Lvsmark(p.t), append([]string{"-c", p.file(i, "yaml")}, verb...)...)
	require.NoError(p.t, err)
	return out
}

// start applies the spec and starts keepalived with what lvsmark renders.
func (p *pair) start(i int) {
	p.t.Helper()
	p.lvsmark(i, "apply")
	check := []string{"render", "keepalived"}
	if !p.bind {
		check = append(check, "--check", "tcp")
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s -c %s apply >>%s 2>&1\n", need.Lvsmark(p.t), p.file(i, "yaml"), p.file(i, "notified"))
	require.NoError(p.t, os.WriteFile(p.file(i, "sh"), []byte(script), 0o700))
	rendered := p.lvsmark(i, check...)
	text := strings.Replace(rendered, "/usr/bin/lvsmark -c "+p.file(i, "yaml")+" apply", p.file(i, "sh"), 1)
	require.NotEqual(p.t, rendered, text, "the file runs lvsmark when the director becomes the master")
	text = strings.ReplaceAll(text, "connect_timeout 3\n", "connect_timeout 30\n") // of a busy machine
	require.NoError(p.t, os.WriteFile(p.file(i, "conf"), []byte(text), 0o600))
	args := []string{
		"--dont-fork", "--log-console", "--use-file", p.file(i, "conf"),
		"--pid", p.file(i, "pid"), "--vrrp_pid", p.file(i, "vrrp"), "--checkers_pid", p.file(i, "checkers"),
	}
	if !p.bind {
		args = append(args, "--dont-release-ipvs")
	}
	daemon, err := p.hosts[i].Start(p.file(i, "log"), "keepalived", args...)
	require.NoError(p.t, err)
	p.daemon[i] = daemon
}

// receives reports whether a director runs the sync daemon of a backup. It does not get the
// connections that are sent before, unless they have many packets.
func (p *pair) receives(i int) bool {
	out, err := p.hosts[i].Run("ipvsadm", "-L", "--daemon")
	require.NoError(p.t, err)
	return strings.Contains(out, "backup sync daemon")
}

// hasVIPs reports whether a director has the VIPs.
func (p *pair) hasVIPs(i int) bool {
	out, err := p.hosts[i].Run("ip", "-o", "address", "show", "dev", lab.OutgoingDevice)
	require.NoError(p.t, err)
	return strings.Contains(out, lab.VIP(config.IPv4).String()+"/32") && strings.Contains(out, lab.VIP(config.IPv6).String()+"/128")
}

// active waits until one director has the VIPs alone and serves them, and returns it. With preempt
// it is the first.
func (p *pair) active() (active int) {
	p.t.Helper()
	p.awaitServed("one director has the VIPs", func() bool {
		first, second := p.hasVIPs(0), p.hasVIPs(1)
		active = map[bool]int{true: 0, false: 1}[first]
		return first != second && (first || !p.preempt)
	})
	return active
}

// run has sessions under way while something happens to the active director. It returns the time until
// new sessions work, the number of sessions that were lost, and the number of all.
func (p *pair) run(e event) (pause time.Duration, lost, all int) {
	p.t.Helper()
	active := p.active()
	if e.prepare != nil {
		e.prepare(p, active)
		active = p.active()
	}
	if p.sync {
		p.await("the other director receives connections", func() bool { return p.receives(1 - active) })
	}
	running := p.underWay(active)
	e.happen(p, active)
	began := time.Now()
	p.awaitServed("the other director serves new sessions after: "+e.name, func() bool { return p.hasVIPs(1 - active) })
	pause = time.Since(began)
	results, err := running.Wait()
	require.NoError(p.t, err)
	for _, r := range results {
		if r.Err != nil || !r.Complete() || r.Logins != 1 {
			lost++
			p.t.Logf("%s: lost: %v; %d of %d bytes, %d logins", r.Session, r.Err, r.Bytes, r.Size, r.Logins)
		} else {
			assert.True(p.t, r.SameServer(), r.Session)
		}
	}
	e.mend(p, active)
	return pause, lost, len(results)
}

// underWay starts sessions, and returns when all of them upload and the other director knows their
// connections. It takes a larger file if a session has two thirds of its upload behind it by then: the
// other director need not know a data connection that is younger than two seconds, so none may begin
// when the event comes.
func (p *pair) underWay(active int) *lab.Running {
	p.t.Helper()
	for ; p.size <= 8*pairFile; p.size *= 2 {
		require.NoError(p.t, p.ResizeFile(p.size))
		running, err := p.Start(sessionsOfRound())
		require.NoError(p.t, err)
		_, err = running.AwaitData()
		if err == nil && p.sync {
			p.awaitSync(1-active, running)
		}
		if err == nil && !running.Ended() && running.Uploaded() <= int64(p.size*2/3) {
			return running
		}
		results, err := running.Wait()
		require.NoError(p.t, err)
		for _, r := range results {
			require.NoError(p.t, r.Err, r.Log)
		}
		p.t.Logf("uploads of %d bytes end too early on this machine", p.size)
	}
	require.FailNow(p.t, "the sessions are too short")
	return nil
}
