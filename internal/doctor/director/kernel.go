package director

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
)

func kernelChecks() []check {
	return []check{
		{
			Name: "drift", Summary: "the kernel matches the spec, as `lvsmark diff` compares them",
			Why: "the kernel serves packets by another configuration than the one in the file", Run: drift,
		},
		{
			Name: "modules", Summary: "the kernel has the modules of nf_tables, IPVS, the schedulers and nat that the spec needs",
			Why: "apply fails without them", Run: modules,
		},
		{
			Name: "modules-boot", Summary: "what loads ip_vs at boot, and what prevents it: modules-load.d, modprobe.d, sysctl.d",
			Why: "after the next boot IPVS is missing, or has other settings than now", Run: modulesAtBoot,
		},
	}
}

func drift(s *Subject) ([]doctor.Finding, error) {
	state, err := s.Drift.Get()
	switch {
	case err != nil:
		return nil, err
	case state.NoIPVS:
		return []doctor.Finding{{Text: "IPVS is not loaded: no service of the spec exists", Command: apply, Apply: true}}, nil
	case state.Refusal != "":
		return one("apply and diff would fail: "+state.Refusal, "lvsmark diff, after the cause is removed"), nil
	case state.Changes == 0:
		return nil, nil
	}
	return []doctor.Finding{{Text: "the kernel differs from the spec in " + objects(state.Changes) + "; `lvsmark diff` lists them", Command: apply, Apply: true}}, nil
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return strconv.Itoa(n) + " objects"
}

// neededModules returns the modules of the spec: nf_tables, then those of IPVS.
func neededModules(spec *config.Spec) []string {
	modules := []string{"nf_tables"}
	translates := slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool {
		return c.SourceNAT != config.NoSourceNAT || c.FTP != nil && c.FTP.Active != nil && c.FTP.Active.Translate != config.NoTranslation
	})
	if translates {
		modules = append(modules, "nft_chain_nat")
	}
	if !spec.Director.Bind {
		return modules
	}
	modules = append(modules, "ip_vs")
	for _, c := range spec.Clusters {
		if name := "ip_vs_" + c.Scheduler; c.Scheduler != "" && !slices.Contains(modules, name) {
			modules = append(modules, name)
		}
	}
	return modules
}

func modules(s *Subject) (found []doctor.Finding, err error) {
	for _, name := range neededModules(s.Spec) {
		switch state, problem := s.Module(name); {
		case problem != nil:
			err = cmp.Or(err, problem)
		case state == host.Absent:
			found = append(found, doctor.Finding{
				Text:    fmt.Sprintf("the kernel %s has no module %s, neither loaded nor below /lib/modules", s.Kernel, name),
				Command: "apt-get install linux-image-amd64, or boot a kernel with that module (cloud and minimal kernels leave it out)",
			})
		case state == host.Available:
			found = append(found, s.notLoadable(name)...)
		}
	}
	return found, err
}

// notLoadable returns what prevents that the kernel loads a module that it has.
func (s *Subject) notLoadable(name string) []doctor.Finding {
	if s.Frozen() {
		return one(fmt.Sprintf("module %s is not loaded, and the kernel loads no more modules until the next boot (kernel.modules_disabled is 1)", name),
			fmt.Sprintf("echo %s > /etc/modules-load.d/%[1]s.conf, then reboot", name))
	}
	if block := s.Blocked(name); block != nil {
		return one(fmt.Sprintf("module %s is not loaded, and %s forbids it", name, block.By), block.Mend+", then modprobe "+name)
	}
	return nil
}

func modulesAtBoot(s *Subject) (found []doctor.Finding, err error) {
	const module = "ip_vs"
	state, err := s.Module(module)
	if err != nil || state == host.BuiltIn {
		return nil, err
	}
	listedAtBoot := s.LoadedAtBoot(module)
	const command = "echo ip_vs > /etc/modules-load.d/ip_vs.conf"
	if at := s.SysctlAtBoot(vsNames); at != "" && !listedAtBoot {
		found = append(found, doctor.Finding{Text: fmt.Sprintf("%s sets %s sysctls, which do not exist until ip_vs is loaded, and nothing loads it before systemd-sysctl.service", at, vsNames), Command: command})
	}
	if s.Spec.Director.Bind && !listedAtBoot && !s.Enabled(unitName) {
		found = append(found, doctor.Finding{Text: "nothing loads ip_vs at boot: " + unitName + " is not enabled, and no file of /etc/modules-load.d names the module", Command: command})
	}
	if block := s.Blocked(module); state != host.Available && block != nil {
		found = append(found, doctor.Finding{Text: fmt.Sprintf("%s forbids ip_vs, which is loaded now: it is missing after the next boot", block.By), Command: block.Mend})
	}
	return found, nil
}
