package director_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/scratch"
)

// TestBootCommands executes the commands of findings about the unit, with a directory in place
// of /etc/systemd/system and programs that record how they are called.
func TestBootCommands(t *testing.T) {
	const unit, install = "lvsmark.service", "lvsmark render systemd\nsystemctl daemon-reload\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		calls []string // for each finding
		write map[string]string
	}{
		{name: "not enabled", files: map[string]string{wants + unit: "-"}, calls: []string{"systemctl enable lvsmark\n", "systemctl enable lvsmark\n"}},
		{name: "masked", files: map[string]string{"etc/systemd/system/" + unit: ""}, calls: []string{
			"systemctl unmask lvsmark\nsystemctl enable lvsmark\n", "systemctl unmask lvsmark\nsystemctl enable lvsmark\n",
		}},
		{name: "masked, not installed", files: map[string]string{"etc/systemd/system/" + unit: "", "lib/systemd/system/" + unit: "-"}, calls: []string{
			"systemctl unmask lvsmark\n" + install + "systemctl enable lvsmark\n", "systemctl unmask lvsmark\n" + install + "systemctl enable lvsmark\n",
		}, write: map[string]string{unit: "a unit\n"}},
		{name: "not installed", files: map[string]string{"lib/systemd/system/" + unit: "-"}, calls: []string{
			install + "systemctl enable lvsmark\n", install + "systemctl enable lvsmark\n",
		}, write: map[string]string{unit: "a unit\n"}},
		{name: "without order", files: map[string]string{"etc/systemd/system/" + unit: "[Unit]\nPartOf=nftables.service\n"}, calls: []string{
			"systemctl daemon-reload\n", "systemctl daemon-reload\nsystemctl enable lvsmark\n",
		}, write: map[string]string{unit + ".d/order.conf": "[Unit]\nAfter=nftables.service\n"}},
		{name: "without PartOf", files: map[string]string{"etc/systemd/system/" + unit: "[Unit]\nAfter=nftables.service\n"}, calls: []string{
			"systemctl daemon-reload\n",
		}, write: map[string]string{unit + ".d/nftables.conf": "[Unit]\nPartOf=nftables.service\nReloadPropagatedFrom=nftables.service\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inDirector(t, func() {
				report := examine(t, spec, trap{files: c.files}.machine(), nil)
				list := commands(report)
				require.Len(t, list, len(c.calls), "%v", texts(report))
				for i, command := range list {
					calls, written := execute(t, command)
					assert.Equal(t, c.calls[i], calls, command)
					if i == 0 {
						assert.Equal(t, c.write, written, command)
					}
				}
			})
		})
	}
}

// execute runs a command. It returns what it calls, and the files that it writes.
func execute(t *testing.T, command string) (calls string, written map[string]string) {
	t.Helper()
	dir := t.TempDir()
	units := filepath.Join(dir, "units")
	require.NoError(t, os.Mkdir(units, 0o755))
	record := "echo \"$(basename $0) $*\" >> " + dir + "/calls\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "systemctl"), []byte("#!/bin/sh\n"+record), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lvsmark"), []byte("#!/bin/sh\n"+record+"echo a unit\n"), 0o755))
	scratch.Run(t, "", "sh", "-c", "PATH="+dir+":$PATH; "+strings.ReplaceAll(command, "/etc/systemd/system", units))
	text, err := os.ReadFile(filepath.Join(dir, "calls"))
	require.NoError(t, err)
	files, err := filepath.Glob(units + "/*.d/*")
	require.NoError(t, err)
	more, err := filepath.Glob(units + "/*.service")
	require.NoError(t, err)
	for _, name := range slices.Concat(files, more) {
		if written == nil {
			written = map[string]string{}
		}
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		relative, err := filepath.Rel(units, name)
		require.NoError(t, err)
		written[relative] = string(content)
	}
	return string(text), written
}

// TestUnknownScript: a rule with a variable in a script of the boot is the reason why the check is
// not made.
func TestUnknownScript(t *testing.T) {
	inDirector(t, func() {
		machine := trap{files: map[string]string{"etc/rc.local": "#!/bin/sh\niptables -t mangle -A PREROUTING -p tcp -d $VIP --dport 21 -j MARK --set-mark 21\necho $VIP\n"}}.machine()
		for _, r := range examine(t, spec, machine, nil) {
			assert.Empty(t, r.Findings)
			if r.Name == "saved-rules" {
				assert.Contains(t, r.NotChecked, "/etc/rc.local:2: the line has a variable or pattern, $VIP")
			}
		}
	})
}
