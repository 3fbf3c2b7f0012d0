package doctor

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNameSpec: commands of this host name the file, those of another host do not.
func TestNameSpec(t *testing.T) {
	for command, want := range map[string]string{
		"lvsmark apply": "lvsmark -c a.yaml apply",
		"in the spec: x: 1; then lvsmark render vsftpd (proftpd, pure-ftpd) for the real servers, then lvsmark apply": "in the spec: x: 1; then lvsmark -c a.yaml render vsftpd (proftpd, pure-ftpd) for the real servers, then lvsmark -c a.yaml apply",
		"lvsmark render systemd > /etc/systemd/system/lvsmark.service":                                                "lvsmark render systemd > /etc/systemd/system/lvsmark.service",
		"start the server there; on it, lvsmark doctor --real-server rs1":                                             "start the server there; on it, lvsmark doctor --real-server rs1",
		"systemctl enable lvsmark": "systemctl enable lvsmark",
	} {
		r := Report{{Findings: []Finding{{Text: command, Command: command}}}}
		r.NameSpec("a.yaml")
		assert.Equal(t, Finding{Text: want, Command: want}, r[0].Findings[0])
	}
	for file, want := range map[string]string{
		"/etc/lvsmark/b-2.yaml": "lvsmark -c /etc/lvsmark/b-2.yaml diff",
		"my spec.yaml":          "lvsmark -c 'my spec.yaml' diff",
		"it's $1":               `lvsmark -c 'it'\''s $1' diff`,
	} {
		r := Report{{Findings: []Finding{{Command: "lvsmark diff"}}}}
		r.NameSpec(file)
		assert.Equal(t, want, r[0].Findings[0].Command)
	}
}
