package lab

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
)

// Names of the devices. The client network is a bridge in the client's namespace,
// the server network a bridge in the director's.
const (
	ClientDevice   = "net0" // of the client
	OutgoingDevice = "wan"  // of the director and, if they reply directly, of the real servers
	ServerDevice   = "lan"  // of the director and the real servers
)

// A RealServer is a host of the lab with FTP servers.
type RealServer struct {
	*Host
	Dir string // root directory of FTP clients

	FTPSettings string // further lines of vsftpd.conf, after those of the lab

	number int
	ftp    []*Process
}

// Address is the real server's own address on the server network.
func (s *RealServer) Address(f config.Family) netip.Addr { return inside(f, s.number) }

// build creates the hosts, links and addresses. Real servers with direct or tunnel
// forwarding get the VIPs, the director does not.
func (l *Lab) build() error {
	var err error
	if l.Client, err = l.addHost("client"); err != nil {
		return err
	}
	if l.Director, err = l.addHost("director"); err != nil {
		return err
	}
	if err := l.linkDirector(); err != nil {
		return err
	}
	for i := range l.Options.RealServers {
		host, err := l.addHost(fmt.Sprintf("rs%d", i+1))
		if err != nil {
			return err
		}
		server := &RealServer{Host: host, number: firstServerNumber + i}
		if err := l.linkServer(server); err != nil {
			return err
		}
		l.Servers = append(l.Servers, server)
	}
	return errors.Join(l.observe(), l.makeFiles(), l.writeCertificate(), l.awaitLinks())
}

func (l *Lab) linkDirector() error {
	commands := append(bridge(ClientDevice), veth("director", l.Director, OutgoingDevice, ClientDevice)...)
	for _, f := range l.Families {
		for i := range clients {
			commands = append(commands, address(Outside(f, firstClientNumber+i), networkBits(f), ClientDevice))
		}
	}
	if err := l.Client.ip(commands...); err != nil {
		return err
	}
	commands = append(bridge(ServerDevice), "link set "+OutgoingDevice+" up")
	for _, f := range l.Families {
		commands = append(commands,
			address(Outgoing(f), networkBits(f), OutgoingDevice),
			address(inside(f, directorNumber), networkBits(f), ServerDevice))
	}
	return l.Director.ip(commands...)
}

func (l *Lab) linkServer(s *RealServer) error {
	if err := l.Director.ip(veth(s.Name, s.Host, ServerDevice, ServerDevice)...); err != nil {
		return err
	}
	// IPv4 and IPv6 have separate vsftpd processes on the same port.
	if err := s.Sysctls(map[string]string{"net.ipv6.bindv6only": "1"}); err != nil {
		return err
	}
	commands := []string{"link set " + ServerDevice + " up"}
	for _, f := range l.Families {
		commands = append(commands, address(s.Address(f), networkBits(f), ServerDevice))
	}
	if err := s.ip(commands...); err != nil {
		return err
	}
	if l.Forwarding == config.NAT {
		if l.OneArmed {
			return nil
		}
		return s.RouteThroughDirector()
	}
	return s.replyDirectly()
}

// RouteThroughDirector routes replies through the director, where IPVS restores the
// VIP as their source.
func (s *RealServer) RouteThroughDirector() error {
	var commands []string
	for _, f := range s.lab.Families {
		commands = append(commands, fmt.Sprintf("route add default via %s", Inside(f)))
	}
	return s.ip(commands...)
}

// replyDirectly gives the real server the VIPs and a link to the client network.
// There it must not answer ARP requests for the VIPs, because the director does. For
// IPv6 the kernel answers only for addresses of the receiving device.
func (s *RealServer) replyDirectly() error {
	if err := s.lab.Client.ip(veth(s.Name, s.Host, OutgoingDevice, ClientDevice)...); err != nil {
		return err
	}
	err := s.Sysctls(map[string]string{
		"net.ipv4.conf.all.arp_ignore":   "1",
		"net.ipv4.conf.all.arp_announce": "2",
		// Packets to a VIP arrive on another device than replies leave by.
		"net.ipv4.conf.all.rp_filter":                    "0",
		"net.ipv4.conf.default.rp_filter":                "0",
		"net.ipv4.conf." + ServerDevice + ".rp_filter":   "0",
		"net.ipv4.conf." + OutgoingDevice + ".rp_filter": "0",
	})
	if err != nil {
		return err
	}
	commands := []string{"link set " + OutgoingDevice + " up"}
	for _, f := range s.lab.Families {
		commands = append(commands, address(Outside(f, s.number), networkBits(f), OutgoingDevice))
		if s.lab.Forwarding == config.Tunnel {
			commands = append(commands, s.tunnel(f)...)
		}
		commands = append(commands, address(VIP(f), f.Bits(), s.vipDevice(f)))
	}
	return s.ip(commands...)
}

// tunnel returns the commands to create the device that decapsulates IPVS packets.
func (s *RealServer) tunnel(f config.Family) []string {
	kind := "ipip"
	if f == config.IPv6 {
		kind = "ip6tnl mode ip6ip6"
	}
	device := s.vipDevice(f)
	return []string{
		fmt.Sprintf("link add %s type %s local %s", device, kind, s.Address(f)),
		fmt.Sprintf("link set %s up", device),
	}
}

func (s *RealServer) vipDevice(f config.Family) string {
	switch {
	case s.lab.Forwarding == config.Direct:
		return "lo"
	case f == config.IPv4:
		return "tun4"
	default:
		return "tun6"
	}
}

// bridgeAddress is the hardware address of each bridge. Without one, a bridge has the lowest
// address of its ports, and gets another one when that port leaves: then its neighbours send to
// the old one for up to half a minute.
const bridgeAddress = "02:00:00:00:00:01"

// bridge returns the commands to create a bridge without multicast snooping: the
// hosts of a lab do not send the reports that it needs.
func bridge(name string) []string {
	return []string{
		fmt.Sprintf("link add %s address %s type bridge mcast_snooping 0", name, bridgeAddress),
		fmt.Sprintf("link set %s up", name),
	}
}

// veth returns the commands to link the port name of a bridge to a device of another
// host.
func veth(name string, peer *Host, device, bridge string) []string {
	return []string{
		fmt.Sprintf("link add %s type veth peer name %s netns %s", name, device, peer.NetNS),
		fmt.Sprintf("link set %s master %s up", name, bridge),
	}
}

func address(addr netip.Addr, bits int, device string) string {
	if addr.Is4() {
		return fmt.Sprintf("address add %s/%d dev %s", addr, bits, device)
	}
	return fmt.Sprintf("address add %s/%d dev %s nodad", addr, bits, device)
}
