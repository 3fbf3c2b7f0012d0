// Package ipvsadm is the target of `lvsmark render` for ipvsadm(8).
package ipvsadm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/ipvs"
)

// Target renders the IPVS services and sync daemons that apply creates. It returns an error if
// director.bind is false.
func Target() render.Target {
	return render.Target{
		Name:    "ipvsadm",
		Summary: "IPVS services for ipvsadm -R",
		Long: `Render ipvsadm prints the IPVS services of the spec in the format of ipvsadm -R,
the commands that start its sync daemons (director.sync), and its ipvs-timeouts.
The settings that are no objects of IPVS are not there: vip-device, ip-forward and
sysctls, and vrrp, which render keepalived prints.`,
		Example: `  lvsmark render ipvsadm | ipvsadm -R`,
		Render: func(spec *config.Spec, _ render.Options) (string, error) {
			if !spec.Director.Bind {
				return "", errors.New("the spec has no IPVS services: director.bind is false")
			}
			return ipvs.Text(ipvs.Compile(spec)) + daemons(spec.Director.Sync) + timeouts(spec.Director.Timeouts), nil
		},
	}
}

// timeouts returns the command that sets the timeouts; 0 leaves one as it is.
func timeouts(t config.Timeouts) string {
	if t == (config.Timeouts{}) {
		return ""
	}
	return fmt.Sprintf("--set %.0f %.0f %.0f\n", t.TCP.Seconds(), t.TCPFin.Seconds(), t.UDP.Seconds())
}

// daemons returns a line for each sync daemon. ipvsadm -R accepts each command of ipvsadm.
func daemons(sync *config.Sync) string {
	var b strings.Builder
	for _, line := range ipvs.SyncText(sync) {
		b.WriteString(line + "\n")
	}
	return b.String()
}
