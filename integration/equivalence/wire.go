package equivalence

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Wire is a TUN device in a namespace (Documentation/networking/tuntap.rst): the
// namespace receives the packets that are written to it. A write returns after the
// packet has passed the hooks, so no queue can drop packets.
type Wire struct{ tun int }

// receiver is the input device of the packets.
const receiver = "wire"

// NewWire creates the device in the namespace.
func NewWire(n *Namespace) (*Wire, error) {
	w := &Wire{}
	return w, n.Do(func() error {
		var err error
		if w.tun, err = openTUN(); err != nil {
			return fmt.Errorf("TUN device: %w", err)
		}
		if err := w.up(); err != nil {
			return fmt.Errorf("TUN device: %w", err)
		}
		return nil
	})
}

func openTUN() (int, error) {
	const device, flags = "/dev/net/tun", unix.O_RDWR | unix.O_CLOEXEC
	fd, err := unix.Open(device, flags, 0)
	if err == nil {
		return fd, nil
	}
	// Without udev, the device file does not exist before the module is loaded.
	if out, err := exec.Command("modprobe", "tun").CombinedOutput(); err != nil {
		return -1, fmt.Errorf("modprobe tun: %w: %s", err, out)
	}
	if fd, err = unix.Open(device, flags, 0); err != nil {
		return -1, &os.PathError{Op: "open", Path: device, Err: err}
	}
	return fd, nil
}

func (w *Wire) up() error {
	request, err := unix.NewIfreq(receiver)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(w.tun, unix.TUNSETIFF, request); err != nil {
		return os.NewSyscallError("TUNSETIFF", err)
	}
	link, err := netlink.LinkByName(receiver)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// Send writes packets to the device.
func (w *Wire) Send(packets []Packet) error {
	b := make([]byte, 0, 128)
	for _, p := range packets {
		b = p.AppendIP(b[:0])
		if _, err := unix.Write(w.tun, b); err != nil {
			return fmt.Errorf("sending %s: %w", p, err)
		}
	}
	return nil
}

// Close removes the device.
func (w *Wire) Close() error { return unix.Close(w.tun) }

// Inject writes one packet, from its IP header on, to the device.
func (s *Site) Inject(packet []byte) error {
	_, err := unix.Write(s.wire.tun, packet)
	return err
}
