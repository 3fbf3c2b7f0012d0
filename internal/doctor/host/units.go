package host

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// unitDirectories are those of systemd.unit(5), the first with precedence.
func unitDirectories() []string {
	return []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}
}

// HasSystemd reports whether the machine has units of systemd.
func (h *Host) HasSystemd() bool {
	_, err := fs.Stat(h.Files, "etc/systemd/system")
	return err == nil
}

// Unit returns the assignments of a unit with those of its drop-in files, each as one line
// "Key=value"; empty: there is no such unit, or it is masked.
func (h *Host) Unit(name string) string {
	text, found := h.unitFile(name)
	if !found || text == "" {
		return ""
	}
	var all strings.Builder
	all.WriteString(assignments(text))
	for _, file := range h.dropIns(unitDirectories(), name+".d") {
		all.WriteString(assignments(h.ReadFile(file)))
	}
	return all.String()
}

// unitFile returns the text of the first file of a unit.
func (h *Host) unitFile(name string) (text string, found bool) {
	for _, directory := range unitDirectories() {
		if text, found = h.read(path.Join(directory, name)); found {
			break
		}
	}
	return text, found
}

// assignments returns the lines of a unit without comments, with continued lines as one, and
// without white space around the first equals sign (systemd.syntax(7)).
func assignments(text string) string {
	var all strings.Builder
	continued := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" && continued == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		line = continued + line
		if before, more := strings.CutSuffix(line, `\`); more {
			continued = before + " "
			continue
		}
		continued = ""
		if key, value, ok := strings.Cut(line, "="); ok {
			line = strings.TrimSpace(key) + "=" + strings.TrimSpace(value)
		}
		all.WriteString(line + "\n")
	}
	return all.String()
}

// Masked reports whether the unit is masked: the first file of its name is empty, as
// /dev/null is.
func (h *Host) Masked(name string) bool {
	text, found := h.unitFile(name)
	return found && text == ""
}

// Installed reports whether the unit has a file with a text, below a mask too.
func (h *Host) Installed(name string) bool {
	return slices.ContainsFunc(unitDirectories(), func(directory string) bool { return h.ReadFile(path.Join(directory, name)) != "" })
}

// Enabled reports whether a target or another unit starts the unit at boot.
func (h *Host) Enabled(name string) bool {
	return !h.Masked(name) && len(h.StartedBy(name)) > 0
}

// StartedBy returns the units that start the unit.
func (h *Host) StartedBy(name string) (units []string) {
	for _, directory := range unitDirectories() {
		for _, starter := range h.readDir(directory) {
			for _, kind := range []string{".wants", ".requires"} {
				unit, ok := strings.CutSuffix(starter, kind)
				if ok && !slices.Contains(units, unit) && slices.Contains(h.readDir(path.Join(directory, starter)), name) {
					units = append(units, unit)
				}
			}
		}
	}
	if h.startsByScript(name) {
		units = append(units, "multi-user.target")
	}
	return units
}

// startsByScript reports whether a script of System V starts the service, see
// systemd-sysv-generator(8): if there is no unit of its name, a link of a runlevel does.
func (h *Host) startsByScript(name string) bool {
	service, ok := strings.CutSuffix(name, ".service")
	if _, hasUnit := h.unitFile(name); !ok || hasUnit || len(h.Exists("etc/init.d/"+service)) == 0 {
		return false
	}
	return slices.ContainsFunc([]string{"2", "3", "4", "5"}, func(level string) bool {
		return len(h.Glob("etc/rc"+level+".d/S[0-9][0-9]"+service)) > 0
	})
}
