// Package ipvsadm is the target of `lvsmark render` for ipvsadm(8).
package ipvsadm

import (
	"errors"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/ipvs"
)

// Target renders the IPVS services that apply creates. It returns an error if
// director.bind is false.
func Target() render.Target {
	return render.Target{
		Name:    "ipvsadm",
		Summary: "IPVS services for ipvsadm -R",
		Long:    `Render ipvsadm prints the IPVS services of the spec in the format of ipvsadm -R.`,
		Example: `  lvsmark render ipvsadm | ipvsadm -R`,
		Render: func(spec *config.Spec, _ render.Options) (string, error) {
			if !spec.Director.Bind {
				return "", errors.New("the spec has no IPVS services: director.bind is false")
			}
			return ipvs.Text(ipvs.Compile(spec)), nil
		},
	}
}
