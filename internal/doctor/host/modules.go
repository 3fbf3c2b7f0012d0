package host

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A ModuleState is whether the kernel has a module.
type ModuleState uint8

// States of a module.
const (
	Absent    ModuleState = iota
	Available             // a file that modprobe loads
	Loaded
	BuiltIn
)

// ErrNoModules means that the files of the kernel's modules are missing.
var ErrNoModules = errors.New("the list of the kernel's modules is missing")

// Module returns whether the kernel has a module. Its error is that the lists of modules are
// missing, as in a container.
func (h *Host) Module(name string) (ModuleState, error) {
	if slices.Contains(h.words("proc/modules"), name) {
		return Loaded, nil
	}
	for _, base := range []string{"lib/modules", "usr/lib/modules"} {
		builtin, found := h.read(path.Join(base, h.Kernel, "modules.builtin"))
		if !found {
			continue
		}
		if hasModule(builtin, name) {
			return BuiltIn, nil
		}
		if hasModule(h.ReadFile(path.Join(base, h.Kernel, "modules.dep")), name) {
			return Available, nil
		}
		return Absent, nil
	}
	return Absent, fmt.Errorf("%w: /lib/modules/%s", ErrNoModules, h.Kernel)
}

// hasModule searches a list of files such as modules.dep(5). A dash in the name of a file
// stands for an underscore.
func hasModule(list, name string) bool {
	for line := range strings.Lines(list) {
		file, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		base, _, _ := strings.Cut(path.Base(file), ".ko")
		if moduleName(base) == name {
			return true
		}
	}
	return false
}

// moduleName returns the name of a module as the kernel has it: in files a dash is the same as an
// underscore (modprobe(8)).
func moduleName(word string) string { return strings.ReplaceAll(word, "-", "_") }

// A Block is what prevents that the kernel loads a module by itself.
type Block struct {
	By   string // for example "/etc/modprobe.d/cis.conf:3"
	Mend string // what removes it
}

// Blocked returns what prevents that the kernel loads the module by itself; nil: nothing.
func (h *Host) Blocked(module string) *Block {
	if listed := h.bootParameter("module_blacklist"); slices.Contains(listed, module) {
		return &Block{"module_blacklist of the kernel command line", "remove " + module + " from module_blacklist in the settings of the boot loader, and reboot"}
	}
	for _, l := range h.Lines(h.DropIns("modprobe.d")...) {
		words := strings.Fields(l.Text)
		if len(words) < 2 || moduleName(words[1]) != module {
			continue
		}
		if words[0] == "blacklist" && loadedByAlias(module) || words[0] == "install" && len(words) > 2 && !loads(words[2:]) {
			return &Block{l.String(), "remove that line"}
		}
	}
	if listed := h.bootParameter("modprobe.blacklist"); slices.Contains(listed, module) && loadedByAlias(module) {
		return &Block{"modprobe.blacklist of the kernel command line", "remove " + module + " from modprobe.blacklist in the settings of the boot loader"}
	}
	return nil
}

// Frozen reports whether the kernel loads no module until the next boot.
func (h *Host) Frozen() bool {
	return strings.TrimSpace(h.ReadFile("proc/sys/kernel/modules_disabled")) == "1"
}

// loadedByAlias reports whether the kernel requests a module by an alias. It requests schedulers
// by name (ip_vs_scheduler_get of net/netfilter/ipvs/ip_vs_sched.c), and `blacklist` is about
// aliases only (modprobe.d(5)).
func loadedByAlias(module string) bool { return !strings.HasPrefix(module, "ip_vs_") }

// loads reports whether the command of an install line of modprobe.d(5) loads a module.
func loads(command []string) bool {
	return slices.ContainsFunc(command, func(word string) bool {
		return slices.Contains([]string{"modprobe", "insmod"}, path.Base(strings.Trim(word, "\"';&|(){}")))
	})
}

// LoadedAtBoot reports whether a file of modules-load.d(5) or the kernel command line names the
// module.
func (h *Host) LoadedAtBoot(module string) bool {
	lines := h.Lines(append(h.DropIns("modules-load.d"), "etc/modules")...)
	return slices.Contains(h.bootParameter("modules_load"), module) ||
		slices.ContainsFunc(lines, func(l Line) bool { return moduleName(strings.Fields(l.Text)[0]) == module })
}

// bootParameter returns the modules that a parameter of the kernel command line lists. In names
// of parameters too, a dash is the same as an underscore.
func (h *Host) bootParameter(name string) (modules []string) {
	for word := range strings.FieldsSeq(h.ReadFile("proc/cmdline")) {
		if key, list, _ := strings.Cut(word, "="); moduleName(key) == name {
			for module := range strings.SplitSeq(list, ",") {
				modules = append(modules, moduleName(module))
			}
		}
	}
	return modules
}
