package ipvsadm

import (
	"fmt"
	"math"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/ipvs"
)

// Options that belong to -A and -E, and to -a and -e.
var (
	serviceOptions = []string{"scheduler", "persistent", "netmask", "pe", "sched-flags", "ops"}
	serverOptions  = []string{
		"real-server", "masquerading", "ipip", "gatewaying", "tun-type", "tun-port", "tun-nocsum", "tun-csum",
		"tun-remcsum", "weight", "u-threshold", "l-threshold",
	}
)

// setServer interprets an option of a real server.
func (c *command) setServer(o option) error {
	switch o.name {
	case "real-server":
		return c.setAddress(o.argument)
	case "masquerading":
		c.server.Forwarding = config.NAT
	case "ipip":
		c.server.Forwarding = config.Tunnel
	case "gatewaying":
		c.server.Forwarding = config.Direct
	case "weight":
		return setNumber(&c.server.Weight, o, math.MaxInt32)
	case "u-threshold":
		return setNumber(&c.server.UpperThreshold, o, math.MaxInt32)
	case "l-threshold":
		return setNumber(&c.server.LowerThreshold, o, math.MaxInt32)
	case "tun-type", "tun-port", "tun-nocsum", "tun-csum", "tun-remcsum":
		return c.setTunnel(o)
	default:
		return fmt.Errorf("--%s is a second command", o.name)
	}
	return nil
}

func setNumber[T int | uint16 | uint32](field *T, o option, high uint64) error {
	n, ok := value.Number(o.argument, 0, high)
	if !ok {
		return fmt.Errorf("%q is not a number up to %d for --%s", o.argument, high, o.name)
	}
	*field = T(n)
	return nil
}

func (c *command) setAddress(text string) error {
	addr, port, hasPort, ok := value.Endpoint(text)
	if !ok {
		return addressError(text)
	}
	c.server.Address, c.server.Port, c.serverPort = addr, port, hasPort
	return nil
}

func (c *command) setTunnel(o option) error {
	switch o.name {
	case "tun-type":
		kind := slices.Index([]string{"ipip", "gue", "gre"}, o.argument)
		if kind < 0 {
			return fmt.Errorf("%q is not a tunnel type", o.argument)
		}
		c.server.Tunnel.Type = uint8(kind)
	case "tun-port":
		return setNumber(&c.server.Tunnel.Port, o, 65535)
	case "tun-csum":
		c.server.Tunnel.Flags = 1
	case "tun-remcsum":
		c.server.Tunnel.Flags = 2
	}
	return nil
}

// checkOptions refuses what ipvsadm refuses: options of another verb, and two forwarding
// methods.
func (c *command) checkOptions(seen map[string]bool) error {
	onService := c.verb == "add-service" || c.verb == "edit-service"
	onServer := c.verb == "add-server" || c.verb == "edit-server" || c.verb == "delete-server"
	for _, name := range serviceOptions {
		if seen[name] && !onService {
			return fmt.Errorf("--%s does not belong to --%s", name, c.verb)
		}
	}
	for _, name := range serverOptions {
		if seen[name] && !onServer {
			return fmt.Errorf("--%s does not belong to --%s", name, c.verb)
		}
	}
	switch {
	case seen["masquerading"] && seen["ipip"] || seen["masquerading"] && seen["gatewaying"] || seen["ipip"] && seen["gatewaying"]:
		return fmt.Errorf("there are two forwarding methods")
	case onServer && !c.server.Address.IsValid():
		return fmt.Errorf("--%s has no --real-server", c.verb)
	case (onService || onServer || c.verb == "delete-service") && c.key == (key{}):
		return fmt.Errorf("--%s has no service", c.verb)
	}
	if onService {
		return c.checkService()
	}
	return c.checkServer(onServer)
}

func (c *command) checkService() error {
	switch {
	case c.key.mark == 0 && c.key.address.Port() == 0 && c.timeout == 0:
		return fmt.Errorf("a service without a port must be persistent")
	case c.flags&ipvs.OnePacket != 0 && c.key.mark == 0 && c.key.protocol != config.UDP:
		return fmt.Errorf("--ops is for UDP")
	}
	return nil
}

// checkServer checks a real server, and gives it the port that ipvsadm gives it.
func (c *command) checkServer(onServer bool) error {
	if !onServer {
		return nil
	}
	tunnel := c.server.Forwarding == config.Tunnel
	switch {
	case !tunnel && config.FamilyOf(c.server.Address) != c.key.family && c.verb != "delete-server":
		return fmt.Errorf("real server and service have different address families")
	case !tunnel && c.server.Tunnel != (ipvs.Tunnel{}):
		return fmt.Errorf("options of tunnels need --ipip")
	case c.server.LowerThreshold > c.server.UpperThreshold:
		return fmt.Errorf("the lower threshold is above the upper one: the kernel refuses the real server")
	case (c.server.Tunnel.Type == 1) != (c.server.Tunnel.Port != 0):
		return fmt.Errorf("--tun-type gue and --tun-port belong together")
	}
	if c.key.mark == 0 && (!c.serverPort || c.server.Forwarding != config.NAT && c.verb != "delete-server") {
		c.server.Port = c.key.address.Port()
	}
	return nil
}
