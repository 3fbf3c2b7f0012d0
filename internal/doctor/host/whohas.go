package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// answerTimeout bounds the time in which hosts of a link answer.
const answerTimeout = 700 * time.Millisecond

// ErrIPv6 means that whoHas does not ask for IPv6 addresses: Linux answers neighbor
// solicitations only for addresses of the receiving device.
var ErrIPv6 = errors.New("only IPv4 addresses are asked for")

// whoHas sends an ARP probe (RFC 5227) for an address on a device, which changes the
// neighbor entries of no host, and returns the senders of the replies. It needs CAP_NET_RAW.
func whoHas(device string, address netip.Addr) ([]string, error) {
	if !address.Is4() {
		return nil, ErrIPv6
	}
	d, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	if len(d.HardwareAddr) != etherLen {
		return nil, fmt.Errorf("device %s has no ARP", device)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w (it needs CAP_NET_RAW)", err)
	}
	defer unix.Close(fd)
	link := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ARP), Ifindex: d.Index, Halen: etherLen}
	if err := unix.Bind(fd, link); err != nil {
		return nil, fmt.Errorf("packet socket on %s: %w", device, err)
	}
	copy(link.Addr[:], bytes.Repeat([]byte{0xff}, etherLen))
	if err := unix.Sendto(fd, arpProbe(d.HardwareAddr, address), 0, link); err != nil {
		return nil, fmt.Errorf("ARP request on %s: %w", device, err)
	}
	return arpReplies(fd, address), nil
}

// etherLen is the length of an Ethernet address in bytes.
const etherLen = 6

// Operations of ARP (RFC 826).
const (
	arpRequest = 1
	arpReply   = 2
)

func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// arpProbe returns an ARP request without a sender address.
func arpProbe(mac []byte, address netip.Addr) []byte {
	b := binary.BigEndian.AppendUint16(nil, unix.ARPHRD_ETHER)
	b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
	b = append(b, etherLen, 4, 0, arpRequest)
	b = append(append(b, mac...), 0, 0, 0, 0)
	return append(append(b, make([]byte, etherLen)...), address.AsSlice()...)
}

// arpReplies reads replies until the timeout.
func arpReplies(fd int, address netip.Addr) (senders []string) {
	const operation, senderMAC, senderIP, length = 6, 8, 14, 28
	buffer := make([]byte, 128)
	for deadline := time.Now().Add(answerTimeout); ; {
		left := time.Until(deadline)
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(polled, int(max(left, 0).Milliseconds())); left <= 0 || err == nil && n == 0 {
			return senders
		}
		n, err := unix.Read(fd, buffer)
		if err != nil || n < length || binary.BigEndian.Uint16(buffer[operation:]) != arpReply {
			continue
		}
		sender := net.HardwareAddr(buffer[senderMAC:senderIP]).String()
		if bytes.Equal(buffer[senderIP:senderIP+4], address.AsSlice()) && !slices.Contains(senders, sender) {
			senders = append(senders, sender)
		}
	}
}
