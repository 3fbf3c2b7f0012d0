package ipvs

import (
	"errors"
	"fmt"
	"os"

	"github.com/mdlayher/genetlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/exchange"
)

// ErrNoIPVS says that the kernel has no IPVS and could not load it.
var ErrNoIPVS = errors.New("this kernel has no IPVS: it needs the module ip_vs (CONFIG_IP_VS);" +
	" try \"modprobe ip_vs\", or leave IPVS to somebody else with \"director.bind: false\"")

// ErrPrivilege says that the caller may not see or change IPVS.
var ErrPrivilege = exchange.ErrPrivilege

// A Conn speaks to the IPVS of one network namespace. It is not safe for
// concurrent use.
type Conn struct {
	genl     *genetlink.Conn
	family   uint16
	sequence uint32        // of the last request
	datagram []byte        // see receive
	listed   []Destination // see servers
	broken   bool          // an exchange failed: see ready
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
	// Asking for the family also makes the kernel load the module.
	family, err := genl.GetFamily(familyName)
	if errors.Is(err, os.ErrNotExist) && !Loaded() {
		return nil, fmt.Errorf("%w (%w)", ErrNoIPVS, unix.ENOENT)
	}
	if err != nil {
		return nil, fmt.Errorf("resolve generic netlink family %s: %w", familyName, err)
	}
	c := &Conn{genl: genl, family: family.ID, datagram: make([]byte, exchange.DatagramLimit)}
	if _, err := c.Timeouts(); err != nil { // the cheapest call that needs the privilege
		return nil, err
	}
	return c, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.genl.Close() }

// Services returns the services that are keyed by a fwmark, IPv4 before IPv6
// and by mark, with their real servers by address. Those keyed by address and
// port are left out. The kernel may leave out others, see list: those that are
// expected to be there are never missed.
func (c *Conn) Services(expected ...Key) ([]VirtualService, error) {
	all, err := c.list()
	if err != nil {
		return nil, err
	}
	var services []VirtualService
	for _, service := range all {
		header, err := decodeService(service.attributes)
		if err != nil {
			return nil, fmt.Errorf("list IPVS services: %w", err)
		}
		if header.Mark != 0 {
			services = append(services, VirtualService{Service: header})
		}
	}
	if services, err = c.addMissed(services, expected); err != nil {
		return nil, err
	}
	for i := range services {
		if services[i].Destinations, err = c.servers(services[i].Key); err != nil {
			return nil, err
		}
	}
	sortServices(services)
	return services, nil
}

// addMissed asks for each that is expected and not among the services.
func (c *Conn) addMissed(services []VirtualService, expected []Key) ([]VirtualService, error) {
	there := make(map[Key]bool, len(services))
	for _, s := range services {
		there[s.Key] = true
	}
	for _, key := range expected {
		if there[key] {
			continue
		}
		header, found, err := c.header(key)
		if err != nil {
			return nil, err
		}
		if found {
			services = append(services, VirtualService{Service: header})
		}
	}
	return services, nil
}

// servers reads those of one service: the kernel lists no more at a time.
func (c *Conn) servers(key Key) ([]Destination, error) {
	c.listed = c.listed[:0]
	name := func(b []byte) []byte { return appendKey(b, key) }
	err := c.ask(cmdGetDest, unix.NLM_F_DUMP, name, func(attributes []byte) error {
		server, err := decodeDestination(attributes, key)
		c.listed = append(c.listed, server)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the real servers of service %s: %w", key, err)
	}
	return append([]Destination(nil), c.listed...), nil
}

// Loaded reports whether the kernel has IPVS at this moment, without loading it.
func Loaded() bool {
	_, err := os.Stat("/proc/thread-self/net/ip_vs")
	return err == nil
}
