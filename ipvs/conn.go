package ipvs

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	moby "github.com/moby/ipvs"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"
)

// ErrNoIPVS says that the kernel has no IPVS and could not load it.
var ErrNoIPVS = errors.New("this kernel has no IPVS: it needs the module ip_vs (CONFIG_IP_VS);" +
	" try \"modprobe ip_vs\", or leave IPVS to somebody else with \"director.bind: false\"")

// ErrPrivilege says that the caller may not see or change IPVS, addresses or
// sysctls.
var ErrPrivilege = errors.New("this needs CAP_NET_ADMIN: run it as root")

// A Conn speaks to the IPVS of one network namespace. It is not safe for
// concurrent use.
type Conn struct {
	moby    *moby.Handle    // writes services
	genl    *genetlink.Conn // all else
	family  uint16
	spoiled bool // an exchange over genl failed: see ready
}

// Open connects to the IPVS of the calling thread's network namespace. The
// kernel loads the module ip_vs if it is there and not loaded yet. The error
// wraps ErrNoIPVS or ErrPrivilege where that is the cause.
func Open() (*Conn, error) {
	genl, err := dialGeneric()
	if err != nil {
		return nil, err
	}
	c, err := open(genl)
	if err != nil {
		genl.Close()
		return nil, err
	}
	return c, nil
}

func open(genl *genetlink.Conn) (*Conn, error) {
	// moby/ipvs reports nothing when the family is missing: ask first. Asking
	// also makes the kernel load the module.
	family, err := genl.GetFamily(familyName)
	if errors.Is(err, os.ErrNotExist) && !Loaded() {
		return nil, fmt.Errorf("%w (%w)", ErrNoIPVS, unix.ENOENT)
	}
	if err != nil {
		return nil, fmt.Errorf("resolve generic netlink family %s: %w", familyName, err)
	}
	c := &Conn{genl: genl, family: family.ID}
	if _, err := c.Timeouts(); err != nil { // the cheapest call that needs the privilege
		return nil, err
	}
	if c.moby, err = openMoby(); err != nil {
		return nil, fmt.Errorf("open IPVS: %w", err)
	}
	return c, nil
}

// openMoby keeps moby/ipvs quiet: the first handle of a process runs modprobe,
// which is superfluous by now, and where that fails (a kernel with IPVS built
// in, a sandbox) it warns on stderr through logrus.
func openMoby() (*moby.Handle, error) {
	logger := logrus.StandardLogger()
	former := logger.Out
	logger.SetOutput(io.Discard)
	defer logger.SetOutput(former)
	return moby.New("")
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.moby.Close()
	return c.genl.Close()
}

// Services returns the services that are keyed by a fwmark, IPv4 before IPv6
// and by mark, with their real servers by address. Those keyed by address and
// port are left out.
func (c *Conn) Services() ([]Service, error) {
	messages, err := c.dump(cmdGetService, nil)
	if err != nil {
		return nil, fmt.Errorf("list IPVS services: %w", err)
	}
	var services []Service
	for _, message := range messages {
		header, err := decodeService(message.Data)
		if err != nil {
			return nil, fmt.Errorf("decode an IPVS service: %w", err)
		}
		if header.Mark == 0 {
			continue
		}
		servers, err := c.servers(header.Key)
		if err != nil {
			return nil, err
		}
		services = append(services, Service{Header: header, Servers: servers})
	}
	return sorted(services), nil
}

func (c *Conn) servers(key Key) ([]Server, error) {
	messages, err := c.dump(cmdGetDest, func(ae *netlink.AttributeEncoder) { encodeKey(ae, key) })
	if err != nil {
		return nil, fmt.Errorf("list the real servers of service %s: %w", key, err)
	}
	var servers []Server
	for _, message := range messages {
		server, err := decodeServer(message.Data, key)
		if err != nil {
			return nil, fmt.Errorf("decode a real server of service %s: %w", key, err)
		}
		servers = append(servers, server)
	}
	return servers, nil
}

func (c *Conn) dump(command uint8, attributes func(*netlink.AttributeEncoder)) ([]genetlink.Message, error) {
	return c.execute(command, netlink.Request|netlink.Dump, attributes)
}

// command runs one that answers with no more than an acknowledgement.
func (c *Conn) command(command uint8, attributes func(*netlink.AttributeEncoder)) error {
	_, err := c.execute(command, netlink.Request|netlink.Acknowledge, attributes)
	return err
}

func (c *Conn) execute(command uint8, flags netlink.HeaderFlags, attributes func(*netlink.AttributeEncoder)) ([]genetlink.Message, error) {
	ae := netlink.NewAttributeEncoder()
	if attributes != nil {
		attributes(ae)
	}
	data, err := ae.Encode()
	if err != nil {
		return nil, err
	}
	message := genetlink.Message{
		Header: genetlink.Header{Command: command, Version: familyVersion},
		Data:   data,
	}
	if err := c.ready(); err != nil {
		return nil, err
	}
	messages, err := c.genl.Execute(message, c.family, flags)
	if err != nil {
		c.spoiled = true
		return nil, refusal(err)
	}
	return messages, nil
}

// Loaded reports whether the kernel has IPVS at this moment, without loading it.
func Loaded() bool {
	_, err := os.Stat("/proc/thread-self/net/ip_vs")
	return err == nil
}
