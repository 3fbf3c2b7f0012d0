package ipvs

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// ErrNoIPVS reports that the kernel has no IPVS and could not load it.
var ErrNoIPVS = errors.New("this kernel has no IPVS: it needs the module ip_vs (CONFIG_IP_VS);" +
	" try \"modprobe ip_vs\"; marks alone do not need it: \"director.bind: false\", without source-nat and IPVS timeouts")

// ErrPrivilege reports that the caller may not read or change IPVS.
var ErrPrivilege = netlink.ErrPrivilege

// A Conn is a connection to the IPVS of one network namespace. It is not safe for
// concurrent use. Errors of its methods wrap those that package internal/netlink
// documents; a refusal wraps its errno, not a *netlink.KernelError.
type Conn struct {
	nl     *netlink.Conn
	family uint16 // generic netlink family

	encoded []byte // the changes of the last batch, see changeRequest
}

// Open connects to the IPVS of the calling thread's network namespace. The kernel loads
// the module ip_vs if it can. The error wraps ErrNoIPVS or ErrPrivilege if that is the
// cause.
func Open() (*Conn, error) {
	nl, err := netlink.Dial(unix.NETLINK_GENERIC, netlink.Options{})
	if err != nil {
		return nil, fmt.Errorf("open generic netlink: %w", err)
	}
	c, err := open(nl)
	if err != nil {
		nl.Close()
		return nil, err
	}
	return c, nil
}

func open(nl *netlink.Conn) (*Conn, error) {
	family, err := nl.Family(familyName)
	if errors.Is(err, unix.ENOENT) && !Loaded() {
		return nil, fmt.Errorf("%w (%w)", ErrNoIPVS, unix.ENOENT)
	}
	if err != nil {
		return nil, fmt.Errorf("resolve generic netlink family %s: %w", familyName, err)
	}
	c := &Conn{nl: nl, family: family}
	if _, err := c.Timeouts(); err != nil { // the cheapest call that needs CAP_NET_ADMIN
		return nil, err
	}
	return c, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.nl.Close() }

// Loaded reports whether the kernel has IPVS now, without loading the module.
func Loaded() bool {
	_, err := os.Stat("/proc/thread-self/net/ip_vs")
	return err == nil
}

// query sends one request and yields the attributes of each object of the answer; see
// netlink.Conn.Query.
func (c *Conn) query(command uint8, flags uint16, name []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for m, err := range c.nl.Query(c.request(command, flags, name)) {
			if err == nil && m.Type != c.family {
				err = netlink.ErrMalformed
			}
			var attributes []byte
			if err == nil {
				attributes, err = m.Attributes(netlink.GenericHeaderLen)
			}
			if !yield(attributes, withNamespaceHint(err)) || err != nil {
				return
			}
		}
	}
}

// execute sends requests in one datagram and returns an error for each; see
// netlink.Conn.Execute.
func (c *Conn) execute(requests ...netlink.Request) []error {
	answers := c.nl.Execute(requests...)
	for i, err := range answers {
		answers[i] = withNamespaceHint(err)
	}
	return answers
}

// withNamespaceHint is netlink.Explain. In a user namespace it adds that the kernel ignores the
// capabilities there (GENL_ADMIN_PERM of net/netfilter/ipvs/ip_vs_ctl.c).
func withNamespaceHint(err error) error {
	err = netlink.Explain(err)
	if errors.Is(err, ErrPrivilege) && inUserNamespace() {
		return fmt.Errorf("%w; IPVS needs it in the initial user namespace, and this process is in another one, as in an unprivileged container: run it outside, or set marks only (director.bind: false)", err)
	}
	return err
}

// inUserNamespace reports whether the process is in a user namespace other than the
// initial one, which maps all IDs to themselves; see user_namespaces(7).
func inUserNamespace() bool {
	ids, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && !slices.Equal(strings.Fields(string(ids)), []string{"0", "0", "4294967295"})
}
