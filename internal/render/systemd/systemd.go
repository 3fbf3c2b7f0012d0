// Package systemd is the target of `lvsmark render` for systemd(1).
package systemd

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/packaging/systemd"
)

// Target renders the unit that the packages install. It is the same for each spec.
func Target() render.Target {
	return render.Target{
		Name:    "systemd",
		Summary: "lvsmark.service, for a machine without the package",
		Long: `Render systemd prints the unit that applies /etc/lvsmark/lvsmark.yaml at boot and after
nftables.service. It is the same for each spec. The packages of lvsmark have it; without
a package, write it to /etc/systemd/system. It runs /usr/bin/lvsmark.`,
		Example: `  lvsmark render systemd > /etc/systemd/system/lvsmark.service`,
		Render:  func(*config.Spec, render.Options) (string, error) { return systemd.Unit(), nil },
	}
}
