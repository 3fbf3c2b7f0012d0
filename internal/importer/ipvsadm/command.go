package ipvsadm

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A key identifies a service.
type key struct {
	family   config.Family
	mark     uint32
	protocol config.Protocol
	address  netip.AddrPort
}

// A command is one call of ipvsadm.
type command struct {
	verb       string // long name of the first option
	key        key    // zero: none
	scheduler  string
	flagNames  string
	flags      uint32
	timeout    time.Duration
	netmask    int
	rawNetmask uint32
	engine     string

	server     ipvs.Destination
	serverPort bool // the real server has a port of its own

	defaultTimeout bool // -p has no number
	operands       []string
	daemon         daemonOptions
}

// defaultTimeout is the persistence of -p without a timeout; maxTimeout is the longest
// (IPVS_SVC_PERSISTENT_TIMEOUT and MAX_TIMEOUT in ipvsadm 1.31, whose man page says 300).
const (
	defaultTimeout = 360
	maxTimeout     = 31 * 86400
)

// parse interprets the options in their order, as ipvsadm does.
func parse(words []string) (*command, error) {
	options, err := scan(words)
	if err != nil {
		return nil, err
	}
	c := &command{verb: options[0].name, daemon: defaultDaemon(), server: ipvs.Destination{Weight: 1, Forwarding: config.Direct}}
	if c.verb == operand {
		return nil, fmt.Errorf("there is no command before %q", options[0].argument)
	}
	c.daemon.state = options[0].argument
	seen := make(map[string]bool, len(options))
	for _, o := range options[1:] {
		if o.name != operand && seen[o.name] {
			return nil, fmt.Errorf("--%s is given twice", o.name)
		}
		seen[o.name] = true
		if err := c.set(o); err != nil {
			return nil, err
		}
	}
	return c, c.complete(seen)
}

// maxSchedulerName is the length of the longest name that the kernel takes (IP_VS_SCHEDNAME_MAXLEN,
// less the zero at the end).
const maxSchedulerName = 15

// set interprets one option behind the verb.
func (c *command) set(o option) error {
	switch o.name {
	case operand:
		c.operands = append(c.operands, o.argument)
	case "tcp-service", "udp-service", "sctp-service", "fwmark-service", "ipv6":
		return c.setKey(o)
	case "scheduler":
		return c.setScheduler(o.argument)
	case "persistent":
		return c.setTimeout(o)
	case "netmask":
		return c.setNetmask(o.argument)
	case "pe":
		c.engine = o.argument
	case "sched-flags":
		c.flagNames = o.argument
	case "ops":
		c.flags |= ipvs.OnePacket
	case "numeric", "connection", "stats", "rate", "thresholds", "persistent-conn", "sort", "nosort", "exact", "timeout", "daemon":
		// They belong to -L, -S and -Z, which change nothing.
	case "mcast-interface", "syncid", "sync-maxlen", "mcast-group", "mcast-port", "mcast-ttl":
		return c.daemon.set(o.name, o.argument)
	default:
		return c.setServer(o)
	}
	return nil
}

func (c *command) setScheduler(name string) error {
	if c.scheduler = name; len(name) > maxSchedulerName {
		return fmt.Errorf("%q is not a scheduler: its name has more than %d bytes", name, maxSchedulerName)
	}
	return nil
}

func (c *command) setKey(o option) error {
	if o.name != "ipv6" && c.key != (key{}) {
		return fmt.Errorf("there are two services")
	}
	switch o.name {
	case "fwmark-service":
		mark, err := parseMark(o.argument)
		c.key, c.netmask = key{family: config.IPv4, mark: mark}, config.IPv4.Bits()
		return err
	case "ipv6":
		if c.key.mark == 0 {
			return fmt.Errorf("-6 must stand behind -f")
		}
		c.key.family, c.netmask, c.rawNetmask = config.IPv6, config.IPv6.Bits(), 0
		return nil
	}
	addr, port, _, ok := value.Endpoint(o.argument)
	if !ok {
		return addressError(o.argument)
	}
	protocol := map[string]config.Protocol{"tcp-service": config.TCP, "udp-service": config.UDP, "sctp-service": value.SCTP}[o.name]
	c.key = key{family: config.FamilyOf(addr), protocol: protocol, address: netip.AddrPortFrom(addr, port)}
	c.netmask = c.key.family.Bits()
	return nil
}

func addressError(text string) error {
	return fmt.Errorf("%q is not an address and a port number: names are not looked up; save with ipvsadm -Sn, or write the numbers", text)
}

// parseMark parses a mark. ipvsadm -S writes marks from 0x80000000 on as negative numbers.
func parseMark(text string) (uint32, error) {
	digits, negative := strings.CutPrefix(text, "-")
	n, ok := value.Number(digits, 1, 1<<32-1)
	switch {
	case !ok || negative && n > 1<<31:
		return 0, fmt.Errorf("%q is not a mark", text)
	case negative:
		return -uint32(n), nil
	}
	return uint32(n), nil
}

func (c *command) setTimeout(o option) error {
	seconds := uint64(defaultTimeout)
	if o.given {
		var ok bool
		if seconds, ok = value.Number(o.argument, 1, maxTimeout); !ok {
			return fmt.Errorf("%q is not a persistence timeout of 1 to %d seconds", o.argument, maxTimeout)
		}
	}
	c.defaultTimeout = !o.given
	c.timeout = time.Duration(seconds) * time.Second
	return nil
}

func (c *command) setNetmask(text string) error {
	if c.key == (key{}) {
		return fmt.Errorf("-M stands before the service")
	}
	if c.key.family == config.IPv6 {
		n, ok := value.Number(text, 1, 128)
		c.netmask = int(n)
		if !ok {
			return fmt.Errorf("%q is not a prefix length of 1 to 128", text)
		}
		return nil
	}
	var ok bool
	if c.netmask, c.rawNetmask, ok = value.Netmask(text); !ok {
		return fmt.Errorf("%q is not a netmask such as 255.255.255.0", text)
	}
	return nil
}

// complete checks what depends on several options.
func (c *command) complete(seen map[string]bool) error {
	if len(c.operands) > 0 && c.verb != "set" {
		return fmt.Errorf("unexpected argument %q", c.operands[0])
	}
	if err := c.checkOptions(seen); err != nil {
		return err
	}
	if c.scheduler == "" {
		c.scheduler = "wlc"
	}
	if c.timeout == 0 && c.key != (key{}) { // the kernel does not use the netmask
		c.netmask, c.rawNetmask = c.key.family.Bits(), 0
	}
	return c.parseFlags()
}

// parseFlags interprets the names of -b, some of which belong to one scheduler.
func (c *command) parseFlags() error {
	if c.flagNames == "" {
		return nil
	}
	for name := range strings.SplitSeq(c.flagNames, ",") {
		bit := map[string]uint32{
			"flag-1": 1, "flag-2": 2, "flag-3": 4,
			"sh-fallback": 1, "sh-port": 2, "mh-fallback": 1, "mh-port": 2,
		}[name]
		owner, _, _ := strings.Cut(name, "-")
		if bit == 0 || owner != "flag" && owner != c.scheduler {
			return fmt.Errorf("%q is not a flag of scheduler %s", name, c.scheduler)
		}
		c.flags |= bit * ipvs.SHFallback
	}
	return nil
}
