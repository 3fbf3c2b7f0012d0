package iptables

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
)

// Target renders the rules of Text.
func Target() render.Target {
	return render.Target{
		Name:    "iptables",
		Summary: "marks and translations as rules for iptables-restore",
		Long: `Render iptables prints the marks and translations of the spec as rules for
iptables-restore and ip6tables-restore: one rule for each VIP and port range. Use
them for reading and comparing, or on directors without nftables. With many VIPs,
packets cost far more than with the nftables tables of apply. The settings that are
no rules are not there: vip-device, ip-forward and sysctls, and the services, which
render ipvsadm and render keepalived print.

If the spec serves IPv4 and IPv6, each rule begins with -4 or -6, and both
programs read the same text.`,
		Example: `  lvsmark render iptables | iptables-restore --noflush
  lvsmark render iptables | ip6tables-restore --noflush`,
		Render: func(spec *config.Spec, _ render.Options) (string, error) {
			return Text(spec), nil
		},
	}
}
