package integration_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestProbeKeepalived: keepalived with `render keepalived --check ftp` removes a real server
// whose FTP server accepts connections but does not answer, and adds it again, while a transfer
// from the other real server goes on.
func TestProbeKeepalived(t *testing.T) {
	need.Programs(t, "keepalived", "ipvsadm")
	c := newCluster(t, lab.Options{Families: []config.Family{config.IPv4}})
	c.translate = "snat"
	require.NoError(t, c.lab.ResizeFile(2<<20)) // larger than the buffers of both ends
	k := &keepalivedLab{t, c}
	k.start()

	busy, finish := k.hold()
	idle := c.lab.Servers[0]
	if busy == idle.Name {
		idle = c.lab.Servers[1]
	}
	require.NoError(t, idle.SuspendFTP())
	k.await(idle, false)
	p := probe(t, c.lab, c.lab.Client, "vip", "ftp")
	assert.True(t, p.OK, "%+v", p)
	require.NoError(t, idle.ResumeFTP())
	k.await(idle, true)

	finish()
}

// hold begins a download, which waits after its first bytes. finish continues it: it must succeed.
func (k *keepalivedLab) hold() (busy string, finish func()) {
	k.Helper()
	l := k.cluster.lab
	from, err := l.ClientAddress(config.IPv4)
	require.NoError(k, err)
	visit, err := l.Visit(lab.Session{Client: lab.Own, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain}, from)
	require.NoError(k, err)
	begun, released, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	k.Cleanup(release)
	var server string
	go func() {
		defer close(ended)
		server, err = visit.Load(lab.DataFile, func() { close(begun); <-released })
	}()
	select {
	case <-begun:
	case <-ended:
		require.NoError(k, err)
	}
	return visit.Control, func() {
		k.Helper()
		release()
		<-ended
		require.NoError(k, err)
		assert.Equal(k, visit.Control, server)
		assert.NoError(k, visit.Quit())
	}
}

type keepalivedLab struct {
	*testing.T
	cluster *cluster
}

// start applies marks, and starts the servers and keepalived with short intervals.
func (k *keepalivedLab) start() {
	l := k.cluster.lab
	require.NoError(k, l.Apply(strings.Replace(k.cluster.spec(), "director: {", "director: {bind: false, ", 1)))
	require.NoError(k, l.StartFTP(21, 990))
	rendered, err := l.Lvsmark("render", "keepalived", "--check", "ftp", "--probe-options", "--timeout 20s")
	require.NoError(k, err)
	require.Zero(k, rendered.Status, rendered.Text)
	binary, err := l.Binary()
	require.NoError(k, err)
	text := strings.ReplaceAll(rendered.Text, "/usr/bin/lvsmark", binary)
	text = strings.ReplaceAll(text, "    lvs_sched", "    delay_loop 3\n    lvs_sched")
	file := func(name string) string { return filepath.Join(l.Dir, name) }
	require.NoError(k, os.WriteFile(file("keepalived.conf"), []byte(text), 0o600))
	_, err = l.Director.Start(file("keepalived.log"), "keepalived", "--dont-fork", "--log-console", "--check", "--use-file", file("keepalived.conf"),
		"--pid", file("keepalived.pid"), "--checkers_pid", file("checkers.pid"))
	require.NoError(k, err)
	k.Cleanup(func() {
		if k.Failed() {
			k.Log(l.Logs())
		}
	})
	for _, s := range l.Servers {
		k.await(s, true)
	}
}

// await waits until keepalived has added or removed a real server.
func (k *keepalivedLab) await(s *lab.RealServer, present bool) {
	k.Helper()
	var text string
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var err error
		text, err = k.cluster.lab.Director.Run("ipvsadm", "-Sn")
		require.NoError(k, err)
		if strings.Contains(text, " -r "+s.Address(config.IPv4).String()+":0 ") == present {
			k.Logf("keepalived: %s present: %t", s.Name, present)
			return
		}
	}
	k.Fatalf("keepalived: %s present: %t is awaited:\n%s", s.Name, present, text)
}
