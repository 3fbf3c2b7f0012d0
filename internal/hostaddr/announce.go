package hostaddr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Reasons why a device cannot announce VIPs.
var (
	errDown        = errors.New("the device is down")
	errNoCarrier   = errors.New("the device has no link (NO-CARRIER)")
	errNotEthernet = errors.New("the device is not Ethernet")
	errRawSocket   = errors.New("this needs CAP_NET_RAW")
)

// Announce sends one gratuitous ARP request (RFC 5227) for each IPv4 address, and one
// unsolicited neighbor advertisement (RFC 4861) for each IPv6 address, on its device, so
// that hosts that know the address of another director send their packets here. Devices
// without neighbors, such as lo and dummy devices, are left out, and so are IPv6 networks
// and those with more than 256 addresses. The addresses must be
// assigned and must have passed duplicate address detection.
//
// It returns an error for each device on which it could not announce all addresses; the
// error names the device, an address and a command. It needs CAP_NET_RAW.
func Announce(list ...Address) []error {
	if list = announced(list); len(list) == 0 {
		return nil
	}
	c, err := dial()
	if err != nil {
		return []error{notAnnounced(list, err)}
	}
	defer c.Close()
	var failures []error
	for _, onDevice := range byDevice(list) {
		failed, err := c.announce(onDevice)
		if err != nil {
			failures = append(failures, notAnnounced(failed, err))
		}
	}
	return failures
}

// byDevice groups addresses by device, in the order of the list.
func byDevice(list []Address) (groups [][]Address) {
	at := map[string]int{}
	for _, a := range list {
		i, known := at[a.Device]
		if !known {
			i = len(groups)
			at[a.Device] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], a)
	}
	return groups
}

// notAnnounced describes the failure for addresses of one device.
func notAnnounced(list []Address, err error) error {
	first := list[0]
	command := fmt.Sprintf("arping -A -c 3 -I %s %s", first.Device, first.IP)
	if first.IP.Is6() {
		command = fmt.Sprintf("ndptool -t na -U -i %s -T %s send", first.Device, first.IP)
	}
	more := ""
	switch n := len(list) - 1; {
	case n == 1:
		more = " and 1 more VIP of the device"
	case n > 1:
		more = fmt.Sprintf(" and %d more VIPs of the device", n)
	}
	return fmt.Errorf("VIP %s%s not announced: %w; hosts that know another director send their packets there until their neighbor entries expire; `%s` announces the VIP",
		first, more, err, command)
}

// announce announces addresses of one device. If it fails, it returns the addresses that
// are not announced.
func (c *conn) announce(list []Address) (failed []Address, err error) {
	l, err := c.link(list[0].Device)
	if err != nil {
		return list, err
	}
	if !l.hasNeighbors() {
		return nil, nil
	}
	if err := l.problem(); err != nil {
		return list, err
	}
	s, err := newPacketSocket()
	if err != nil {
		return list, err
	}
	defer s.close()
	for i, a := range list {
		if i%burst == burst-1 {
			time.Sleep(burstPause)
		}
		if err := s.announce(l, a.IP); err != nil {
			return list[i:], err
		}
	}
	return nil, nil
}

// Frames are sent in bursts with a pause between, because the queues of devices and hosts
// are short.
const (
	burst      = 200
	burstPause = time.Millisecond
)

// A packetSocket is a packet(7) socket in the network namespace of the thread that opened
// it. It receives nothing.
type packetSocket struct {
	fd      int
	retries int // left for all frames
}

// While the send buffer or the queue of the device is full, a frame is sent again after
// retryPause, at most maxRetries times for all frames of a device.
const (
	maxRetries = 500
	retryPause = time.Millisecond
)

func newPacketSocket() (*packetSocket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.EPERM):
		return nil, fmt.Errorf("packet socket: %w: %w", err, errRawSocket)
	case err != nil:
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	return &packetSocket{fd: fd, retries: maxRetries}, nil
}

func (s *packetSocket) close() { _ = unix.Close(s.fd) }

func (s *packetSocket) announce(l link, vip netip.Addr) error {
	if vip.Is4() {
		return s.send(l, unix.ETH_P_ARP, l.broadcast, arpAnnouncement(l.address, vip))
	}
	return s.send(l, unix.ETH_P_IPV6, allNodesMAC(), neighborAdvertisement(l.address, vip, l.forwardsIPv6))
}

// send sends a packet; the kernel adds the Ethernet header.
func (s *packetSocket) send(l link, protocol uint16, to, packet []byte) error {
	address := &unix.SockaddrLinklayer{Protocol: bigEndian(protocol), Ifindex: int(l.index), Halen: etherLen}
	copy(address.Addr[:], to)
	for {
		err := unix.Sendto(s.fd, packet, 0, address)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.ENOBUFS) || s.retries == 0:
			return fmt.Errorf("packet socket: %w", err)
		}
		s.retries--
		time.Sleep(retryPause)
	}
}

// bigEndian returns a number whose bytes in memory are those of v in network byte order.
func bigEndian(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
