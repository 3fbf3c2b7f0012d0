package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/importer/live"
	"github.com/lvsmark/lvsmark/internal/verify"
)

// An explainQuery is the packet of explain.
type explainQuery struct {
	protocol   string
	device     string
	active     bool
	fromKernel bool
}

const explainHelp = `Explain follows the first packet of a connection through the rules that the spec
compiles to, and prints what each rule does to it: the mark, the IPVS service
that serves it, the real servers that the service selects from, and what keeps
the client on one of them. --live follows it through the kernel as it is, with
the rules and services of all programs.

FROM and TO are address:port, or [address]:port for IPv6. FROM may have no port.
The destination is taken as an address of the director.

If FROM is a real server with the source port of active FTP data, and TO is no
VIP, the packet is such data, on its way through the director to the client;
--active says so for any packet.

Exit status: 0, done; 2, an error.`

func newExplain(s streams, opts *options) *cobra.Command {
	var q explainQuery
	cmd := &cobra.Command{
		Use:   "explain FROM TO",
		Short: "follow the first packet of a connection through the rules and IPVS",
		Long:  explainHelp,
		Example: `  lvsmark explain 192.0.2.1 198.51.100.21:21
  lvsmark explain --proto udp '[2001:db8::1]:5000' '[2001:db8:1::21]:443'
  lvsmark explain --live 192.0.2.1 198.51.100.21:10000
  lvsmark explain 10.0.0.11:20 192.0.2.1:5000`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageErrorf(cmd, "explain takes FROM and TO")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExplain(cmd.Context(), s, opts, cmd, q, args)
		},
	}
	cmd.Flags().StringVar(&q.protocol, "proto", "tcp", "the `PROTOCOL`: tcp, udp or sctp")
	cmd.Flags().StringVar(&q.device, "device", "", "the `DEVICE` that the packet comes in by (default: one that no rule names)")
	complete(cmd, "proto", cobra.FixedCompletions([]string{"tcp", "udp", "sctp"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.Flags().BoolVar(&q.active, "active", false, "a real server sends the packet through the director")
	cmd.Flags().BoolVar(&q.fromKernel, "live", false, "follow the packet through the kernel instead of the spec")
	return cmd
}

func runExplain(ctx context.Context, s streams, opts *options, cmd *cobra.Command, q explainQuery, args []string) error {
	p, err := q.packet(cmd, args)
	if err != nil {
		return err
	}
	side, active, err := q.side(ctx, s, opts, p)
	if err != nil {
		return err
	}
	t := exact.Follow(side, p, active)
	if opts.output == formatJSON {
		return s.printJSON(newExplainDocument(p, t, active))
	}
	return s.print(explanation(p, t))
}

// side returns the director, and whether the packet is active data.
func (q explainQuery) side(ctx context.Context, s streams, opts *options, p exact.Packet) (exact.Side, bool, error) {
	if q.fromKernel {
		c, err := live.Read(opts.netns)
		if err != nil {
			return exact.Side{}, false, err
		}
		return exact.Side{Chains: c.Chains, Services: c.Services, Tracking: verify.TrackingOf(c)}, q.active, nil
	}
	spec, _, err := opts.load(ctx, s)
	if err != nil {
		return exact.Side{}, false, err
	}
	if !spec.Director.Bind {
		s.printErr("lvsmark: note: director.bind is false: the services of the marks are those of another program; --live reads them")
	}
	side, err := verify.Side(spec)
	return side, q.active || isActiveData(spec, p), err
}

// isActiveData reports whether a real server sends the packet from a port of active data. What it
// sends to a VIP, an address of the director, is not forwarded.
func isActiveData(spec *config.Spec, p exact.Packet) bool {
	toVIP := slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool {
		return slices.ContainsFunc(c.VIPs, func(r config.AddressRange) bool { return r.Contains(p.To.Addr()) })
	})
	return p.Protocol == uint8(config.TCP) && !toVIP && slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool {
		return slices.Contains(c.ActivePorts(), p.From.Port()) &&
			slices.ContainsFunc(c.RealServers, func(r config.RealServer) bool { return r.Address == p.From.Addr() })
	})
}

// clientPort is the source port of a packet if FROM has none.
const clientPort = 40000

func (q explainQuery) packet(cmd *cobra.Command, args []string) (exact.Packet, error) {
	p := exact.Packet{FromType: exact.Unicast, Device: q.device}
	numbers := map[string]uint8{"tcp": uint8(config.TCP), "udp": uint8(config.UDP), "sctp": 132}
	if p.Protocol = numbers[q.protocol]; p.Protocol == 0 {
		return p, usageErrorf(cmd, "--proto: unknown protocol %q: use tcp, udp or sctp", q.protocol)
	}
	if p.Protocol == uint8(config.TCP) {
		p.Flags = exact.SYN
	}
	var err error
	if p.From, err = endpoint(args[0], clientPort); err != nil {
		return p, usageErrorf(cmd, "FROM: %w", err)
	}
	if p.To, err = endpoint(args[1], 0); err != nil {
		return p, usageErrorf(cmd, "TO: %w", err)
	}
	if p.From.Addr().Is4() != p.To.Addr().Is4() {
		return p, usageErrorf(cmd, "FROM and TO have different address families")
	}
	return p, nil
}

// endpoint parses address:port, or an address if there is a default port.
func endpoint(text string, port uint16) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(text)
	if err == nil && at.Addr().Zone() == "" {
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
	}
	addr, addrErr := netip.ParseAddr(strings.Trim(text, "[]"))
	switch {
	case err == nil || addrErr != nil || addr.Zone() != "":
		return at, fmt.Errorf("%q is not address:port or [address]:port", text)
	case port == 0:
		return at, fmt.Errorf("%q has no port", text)
	}
	return netip.AddrPortFrom(addr.Unmap(), port), nil
}

// An explainDocument is the JSON output of explain.
type explainDocument struct {
	Version     int               `json:"version"`
	Packet      packetDocument    `json:"packet"`
	Active      bool              `json:"active"`
	Treatment   treatmentDocument `json:"treatment"`
	RealServers []string          `json:"real_servers"`
	Persistence string            `json:"persistence,omitempty"` // what connections that keep one real server have in common
}

func newExplainDocument(p exact.Packet, t exact.Treatment, active bool) explainDocument {
	d := explainDocument{Version: documentVersion, Packet: newPacket(p), Active: active, Treatment: newTreatment(t), RealServers: []string{}, Persistence: t.Group}
	if t.Service != nil {
		for _, r := range t.Service.RealServers {
			d.RealServers = append(d.RealServers, r.Address.String())
		}
	}
	return d
}
