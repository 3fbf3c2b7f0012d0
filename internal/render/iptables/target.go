package iptables

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
)

// Target renders the rules of Text.
func Target() render.Target {
	return render.Target{
		Name:    "iptables",
		Summary: "the marks and translations as rules of iptables-restore",
		Long: `Render iptables prints the rules that mark and translate as the spec does, as
iptables-restore and ip6tables-restore read them: one rule for each VIP and range
of ports. They are for reading and comparing, and for directors that stay with
iptables; with many VIPs they cost far more than the nftables of apply.

Where the spec serves IPv4 and IPv6, rules begin with -4 or -6, and both programs
read the same text.`,
		Example: `  lvsmark render iptables | iptables-restore --noflush
  lvsmark render iptables | ip6tables-restore --noflush`,
		Render: func(spec *config.Spec, _ render.Options) (string, error) {
			return Text(spec), nil
		},
	}
}
