package ftpserver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/ftpserver"
)

// TestReadSettings: the files of pure-ftpd-wrapper are one configuration. What it refuses is not
// understood (parse_file of pure-ftpd-wrapper in Debian's pure-ftpd 1.0.50).
func TestReadSettings(t *testing.T) {
	for name, test := range map[string]struct {
		files []ftpserver.File
		want  string
	}{
		"files of the package": {
			[]ftpserver.File{{"c/AltLog", "clf:/var/log/pure-ftpd/transfer.log\n"}, {"c/MinUID", "1000\n"}, {"c/NoAnonymous", "yes\n"}},
			"1: pure-ftpd passive all, address invalid IP, active 20, listen 21\n",
		},
		"all that matters": {
			[]ftpserver.File{{"c/Bind", ",2121\n"}, {"c/ForcePassiveIP", "198.51.100.21"}, {"c/PassivePortRange", "# ports\n\n 10000 \t20000 \n1 2\n"}, {"c/TLS", "2\n"}},
			"3: pure-ftpd passive 10000-20000, address 198.51.100.21, active 20, listen 2121\n",
		},
		"files that dpkg keeps": {
			[]ftpserver.File{{"c/PassivePortRange.dpkg-old", "1 2\n"}, {"c/PassivePortRange", "10000 20000\n"}},
			"1: pure-ftpd passive 10000-20000, address invalid IP, active 20, listen 21\n",
		},
		"refused": {
			[]ftpserver.File{{"c/PassivePortRange", "10000:20000\n"}, {"c/ForcePassiveIP", "198.51.100.21 # VIP\n"}},
			`1: pure-ftpd passive all, address invalid IP, active 20, listen 21
1: not understood: pure-ftpd-wrapper does not start with this line: expected two ports with space between them
1: not understood: pure-ftpd-wrapper does not start with this line: the value has space in it
`,
		},
		"active data alone": {
			[]ftpserver.File{{"c/NATmode", "Yes\n"}},
			"1: pure-ftpd passive all, address invalid IP, active 20, listen 21\n1: finding: passive data connections are off\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, dump.Config(ftpserver.ReadSettings(test.files)))
		})
	}
}

func TestSettingsOf(t *testing.T) {
	assert.Equal(t, "/etc/pure-ftpd/conf", ftpserver.SettingsOf("/etc/pure-ftpd/conf/TLS"))
	assert.Equal(t, "pure-ftpd/conf", ftpserver.SettingsOf("pure-ftpd/conf/TLS"))
	for _, name := range []string{"/etc/pure-ftpd/pure-ftpd.conf", "/etc/not-pure-ftpd/conf/TLS", "TLS", "standard input"} {
		assert.Empty(t, ftpserver.SettingsOf(name), name)
	}
}
