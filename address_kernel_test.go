package lvsmark

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

// TestNeighborsLearn: a host that knows the VIPs by the address of another director sends
// to this one after an apply that adds them, after a rollback, and after a restored
// checkpoint.
func TestNeighborsLearn(t *testing.T) {
	w := newWorld(t)
	peer := newPeer(w)
	vips := []string{"198.51.100.21", "2001:db8::21"}
	forget := func() { peer.know(vips, "02:00:00:00:00:99") }
	learned := func() {
		t.Helper()
		for _, vip := range vips {
			require.Eventually(t, func() bool {
				return neighborOf(peer.world, vip) == peer.director
			}, time.Minute, 10*time.Millisecond, vip)
		}
	}
	forget()
	w.apply(parse(t, unboundSpec))
	learned()

	checkpoint, err := Capture(t.Context(), w.options())
	require.NoError(t, err)
	w.remove()
	forget()
	_, err = checkpoint.Restore(t.Context())
	require.NoError(t, err)
	learned()

	forget()
	w.inEngine(w.options(), func(e *engine) error {
		s := eachStep("remove VIP addresses", w.plan(parse(t, unboundSpec)).desired.addresses, e.removeAddress())
		require.NoError(t, s.do())
		_, failure := s.undo()
		require.NoError(t, failure)
		return nil
	})
	learned()
}

// TestAnnouncedByApply: apply sends the first announcement of each VIP before it ends, and with
// it a neighbor sends to this director. It logs when that was.
func TestAnnouncedByApply(t *testing.T) {
	w := newWorld(t)
	peer := newPeer(w)
	vips := []string{"198.51.100.21", "2001:db8::21"}
	peer.know(vips, "02:00:00:00:00:99")
	announced := peer.announced(w, vips)
	began := time.Now()
	p := w.apply(parse(t, unboundSpec))
	ended := time.Now()
	require.Len(t, p.addresses.added, len(vips))
	for _, vip := range vips {
		require.Eventually(t, func() bool { return neighborOf(peer.world, vip) == peer.director }, time.Minute, 10*time.Millisecond, vip)
	}
	for vip, at := range announced(len(vips)) {
		assert.True(t, at.Before(ended), "%s was announced after apply", vip)
		t.Logf("%s: announced %.0f ms after the begin of apply, which took %.0f ms", vip, ms(at.Sub(began)), ms(ended.Sub(began)))
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A peerWorld is a neighbor of a world, in its own namespace, with the device vip1.
type peerWorld struct {
	*world
	director string // link-layer address of the world's device
}

func newPeer(w *world) *peerWorld {
	w.t.Helper()
	peer := &world{t: w.t, ns: w.ns + "-peer"}
	out, err := exec.Command("ip", "netns", "add", peer.ns).CombinedOutput()
	require.NoError(w.t, err, "%s", out)
	w.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", peer.ns).Run() })
	w.run("ip", "link", "set", "vip1", "netns", peer.ns)
	peer.run("ip", "address", "add", "198.51.100.9/24", "dev", "vip1")
	peer.run("ip", "address", "add", "2001:db8::9/64", "dev", "vip1", "nodad")
	peer.run("ip", "link", "set", "vip1", "up")
	require.Eventually(w.t, func() bool { // before, the device drops what is sent
		return strings.Contains(w.run("ip", "-o", "link", "show", "vip0"), " state UP ")
	}, time.Minute, 10*time.Millisecond, "the device of the director is not up")
	return &peerWorld{peer, strings.TrimSpace(w.run("cat", "/sys/class/net/vip0/address"))}
}

// know gives the neighbor entries for VIPs with the address of another director.
func (p *peerWorld) know(vips []string, other string) {
	p.t.Helper()
	for _, vip := range vips {
		p.run("ip", "neigh", "replace", vip, "lladdr", other, "dev", "vip1", "nud", "reachable")
	}
}

// announced records frames of ARP and of neighbor discovery that w sends. The result waits for the
// first one that names each of the VIPs, and returns when the kernel took it: it arrives later if
// the machine is busy.
func (p *peerWorld) announced(w *world, vips []string) func(n int) map[string]time.Time {
	p.t.Helper()
	fd := packetSocket(w, unix.ETH_P_ALL)
	require.NoError(p.t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	awaitTimeStamps(w, fd)
	director, err := net.ParseMAC(p.director)
	require.NoError(p.t, err)
	return func(n int) map[string]time.Time {
		first := map[string]time.Time{}
		for len(first) < n {
			frame, at := receiveFrame(p.t, fd)
			for _, vip := range vips {
				if _, known := first[vip]; !known && bytes.Equal(frame[6:12], director) && bytes.Contains(frame, netip.MustParseAddr(vip).AsSlice()) {
					first[vip] = at
				}
			}
		}
		return first
	}
}

func packetSocket(w *world, protocol uint16) (fd int) {
	w.t.Helper()
	require.NoError(w.t, InNamespace(w.ns, func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(bits.ReverseBytes16(protocol)))
		return err
	}))
	w.t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(w.t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 60}))
	return fd
}

// awaitTimeStamps sends frames until one has the time at which it was sent. A worker of the kernel
// switches time stamps on, half a second later on a busy machine; before, a frame has the time at
// which it is read (net_enable_timestamp of net/core/dev.c).
func awaitTimeStamps(w *world, fd int) {
	w.t.Helper()
	const experimental = 0x88b5 // IEEE Std 802: for local experiments
	other := packetSocket(w, 0) // a socket does not get what it sends
	var device *net.Interface
	require.NoError(w.t, InNamespace(w.ns, func() (err error) {
		device, err = net.InterfaceByName("vip0")
		return err
	}))
	sent := binary.BigEndian.AppendUint16(bytes.Repeat([]byte{0xff}, 12), experimental)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		require.NoError(w.t, unix.Sendto(other, sent, 0, &unix.SockaddrLinklayer{Ifindex: device.Index}))
		after := time.Now()
		time.Sleep(time.Millisecond)
		frame, at := receiveFrame(w.t, fd)
		for !bytes.Equal(frame[:len(sent)], sent) {
			frame, at = receiveFrame(w.t, fd)
		}
		if !at.After(after) {
			return
		}
	}
	require.FailNow(w.t, "no time stamps")
}

// receiveFrame returns a frame, and when the kernel took it.
func receiveFrame(t *testing.T, fd int) ([]byte, time.Time) {
	t.Helper()
	frame, control := make([]byte, 2048), make([]byte, 128)
	n, controlled, _, _, err := unix.Recvmsg(fd, frame, control, 0)
	require.NoError(t, err, "wait for an announcement")
	messages, err := unix.ParseSocketControlMessage(control[:controlled])
	require.NoError(t, err)
	require.Len(t, messages, 1)
	seconds := binary.NativeEndian.Uint64(messages[0].Data)
	nanoseconds := binary.NativeEndian.Uint64(messages[0].Data[8:])
	return frame[:n], time.Unix(int64(seconds), int64(nanoseconds))
}

// neighborOf returns the link-layer address of a neighbor: "198.51.100.21 lladdr
// 02:00:00:00:00:99 STALE".
func neighborOf(peer *world, ip string) string {
	var address, mac, state string
	_, _ = fmt.Sscan(peer.run("ip", "neigh", "show", ip, "dev", "vip1"), &address, &state, &mac)
	return mac
}

// TestLifetimeInKernel: diff shows that VIPs of lvsmark have a lifetime, apply removes it, a
// checkpoint restores it.
func TestLifetimeInKernel(t *testing.T) {
	w := newWorld(t)
	spec := parse(t, unboundSpec)
	vips := w.apply(spec).addresses.added
	require.Len(t, vips, 2)
	before := w.state()
	w.inEngine(w.options(), func(e *engine) error {
		return errors.Join(e.SetAddressLifetime(vips[0], hostaddr.Lifetime(time.Hour)), e.SetAddressLifetime(vips[1], hostaddr.Lifetime(time.Hour)))
	})
	assert.Len(t, w.plan(spec).Changes(), 2)
	checkpoint, err := Capture(t.Context(), w.options())
	require.NoError(t, err)
	w.apply(spec)
	assert.Equal(t, before, w.state())
	assert.Empty(t, w.plan(spec).Changes())
	_, err = checkpoint.Restore(t.Context())
	require.NoError(t, err)
	assert.Len(t, w.plan(spec).Changes(), 2)
	w.remove()
	assert.NotContains(t, w.state(), "198.51.100.21")
	assert.NotContains(t, w.state(), "2001:db8::21")
}

// TestLifetimeOfOthers: a VIP that another program added with a lifetime stays after that
// lifetime if the kernel accepts a second address; else it is a warning.
func TestLifetimeOfOthers(t *testing.T) {
	w := newWorld(t)
	spec := parse(t, unboundSpec)
	w.run("ip", "address", "add", "198.51.100.21/24", "dev", "vip0", "valid_lft", "3600", "preferred_lft", "3600")
	w.run("ip", "address", "add", "2001:db8::21/64", "dev", "vip0", "valid_lft", "3600", "preferred_lft", "3600", "nodad")
	p := w.apply(spec)
	assert.Len(t, p.addresses.added, 1)
	assert.Contains(t, p.String(), "add address 198.51.100.21 of device vip0 # safe: 198.51.100.21/24 of another program has a lifetime of ")
	assert.Contains(t, p.String(), "warning: VIP 2001:db8::21 on vip0, which another program added, has a lifetime: ")
	assert.Empty(t, w.plan(spec).Changes())
	w.run("ip", "address", "del", "198.51.100.21/24", "dev", "vip0") // as the kernel does at its end
	assert.Empty(t, w.plan(spec).Changes())
	assert.Contains(t, w.state(), "198.51.100.21/32")
	w.run("ip", "address", "add", "198.51.100.21/24", "dev", "vip0", "valid_lft", "3600", "preferred_lft", "3600")
	w.remove()
	assert.NotContains(t, w.state(), "198.51.100.21/32")
	assert.Contains(t, w.state(), "198.51.100.21/24")
	assert.Contains(t, w.state(), "2001:db8::21/64")
}
