// Package ipvsadm is the target of `lvsmark render` for ipvsadm(8).
package ipvsadm

import (
	"errors"
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
and the commands that start its sync daemons (director.sync).`,
		Example: `  lvsmark render ipvsadm | ipvsadm -R`,
		Render: func(spec *config.Spec, _ render.Options) (string, error) {
			if !spec.Director.Bind {
				return "", errors.New("the spec has no IPVS services: director.bind is false")
			}
			return ipvs.Text(ipvs.Compile(spec)) + daemons(spec.Director.Sync), nil
		},
	}
}

// daemons returns a line for each sync daemon. ipvsadm -R accepts each command of ipvsadm.
func daemons(sync *config.Sync) string {
	var b strings.Builder
	for _, line := range ipvs.SyncText(sync) {
		b.WriteString(line + "\n")
	}
	return b.String()
}
