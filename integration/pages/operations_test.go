package pages_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/page"
)

// reset is the state of the director before each section: the units and files of the section
// before are gone, and the spec in the file lvsmark.yaml is applied.
const reset = `systemctl stop keepalived lvsmark-diff.timer
systemctl disable lvsmark nftables lvsmark-diff.timer
rm -rf /etc/systemd/system/lvsmark*
systemctl daemon-reload
lvsmark delete && nft flush ruleset && ipvsadm -C && echo 'flush ruleset' >/etc/nftables.conf || exit
cp lvsmark.yaml /etc/lvsmark/lvsmark.yaml && lvsmark apply`

// begin resets the director for a section of a page.
func (m *machine) begin(spec string) {
	m.t.Helper()
	require.NoError(m.t, m.write(page.File{Name: "lvsmark.yaml", Text: spec}))
	output, err := m.run(page.Command{Line: "{\n" + reset + "\n}"})
	require.NoError(m.t, err, output)
}

// TestDirectorPages executes the commands for a director in production. The recipe of the
// README runs without lvsmark.
func TestDirectorPages(t *testing.T) {
	m := newMachine(t)
	spec := pageSpec(t, "docs/operations.md")
	require.NoError(t, m.write(file(t, "docs/moving.md", "keepalived", "firewall.sh")))
	require.NoError(t, m.write(file(t, "docs/moving.md", "keepalived", "keepalived.conf")))
	for _, name := range page.OnDirector() {
		t.Run(name, func(t *testing.T) {
			execute(t, m, name, func(section string) {
				if section == "" && name == "README.md" {
					m.begin(pageSpec(t, name))
					return
				}
				m.begin(spec)
				if section == "What it replaces" {
					_, err := m.run(page.Command{Line: "lvsmark delete"})
					require.NoError(t, err)
				}
			})
		})
	}
}

// file returns a file of a page, of the first section whose heading contains a word.
func file(t *testing.T, path, word, name string) page.File {
	t.Helper()
	parts, err := page.Read("../../" + path)
	require.NoError(t, err)
	for _, p := range parts {
		for _, f := range p.Files {
			if strings.Contains(p.Origin, word) && f.Name == name {
				return f
			}
		}
	}
	require.Fail(t, "the page has no such file", "%s, %s, %s", path, word, name)
	return page.File{}
}
