// Package targets lists the targets of `lvsmark render`.
package targets

import (
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
	"github.com/lvsmark/lvsmark/internal/render/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/render/keepalived"
	"github.com/lvsmark/lvsmark/internal/render/nft"
	"github.com/lvsmark/lvsmark/internal/render/proftpd"
	"github.com/lvsmark/lvsmark/internal/render/pureftpd"
	"github.com/lvsmark/lvsmark/internal/render/systemd"
	"github.com/lvsmark/lvsmark/internal/render/vsftpd"
)

// All returns every target. A new target is a package and a line here.
func All() []render.Target {
	return []render.Target{
		nft.Target(),
		ipvsadm.Target(),
		iptables.Target(),
		keepalived.Target(),
		vsftpd.Target(),
		proftpd.Target(),
		pureftpd.Target(),
		systemd.Target(),
	}
}
