package importer

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestIncludedFiles: files that a proftpd.conf includes are a part of it, in any order, also those that
// no reader recognises.
func TestIncludedFiles(t *testing.T) {
	main := File{"proftpd.conf", "Include /etc/proftpd/modules.conf\nServerName x\nInclude /etc/proftpd/conf.d/\nInclude /etc/proftpd/sites/*.conf\n"}
	modules := File{"/srv/rs1/etc/proftpd/modules.conf", "ModulePath /usr/lib/proftpd\n"}
	tls := File{"/srv/rs1/etc/proftpd/conf.d/tls", "TLSEngine on\n"}
	ports := File{"/srv/rs1/etc/proftpd/conf.d/ports", "PassivePorts 10000 20000\n"}
	site := File{"/srv/rs1/etc/proftpd/sites/a.conf", "MasqueradeAddress 198.51.100.21\nInclude /etc/proftpd/more\n"}
	more := File{"/srv/rs1/etc/proftpd/more", "ServerName y\nPort 2121\n"}

	c, err := ReadAll([]File{modules, ports, more, main, site, tls})
	require.NoError(t, err)
	require.Len(t, c.FTP, 1)
	assert.Empty(t, c.NotUnderstood)
	assert.Equal(t, "10000-20000 198.51.100.21 2121", fmt.Sprint(c.FTP[0].PassivePort, " ", c.FTP[0].Address, " ", c.FTP[0].Listen))
	assert.Equal(t, ports.Name, c.FTP[0].File)

	c, err = ReadAll([]File{main, modules})
	require.NoError(t, err)
	assert.Len(t, c.NotUnderstood, 2)

	a, b := File{"/a.conf", "ServerName a\nInclude /b.conf\n"}, File{"/b.conf", "ServerName b\nInclude /a.conf\n"}
	c, err = ReadAll([]File{a, b})
	require.NoError(t, err)
	assert.Len(t, c.FTP, 2)
	assert.Len(t, c.NotUnderstood, 2)
}

// TestPureSettings: the files of pure-ftpd-wrapper are one server, beside files of other languages.
func TestPureSettings(t *testing.T) {
	c, err := ReadAll([]File{
		{"/etc/pure-ftpd/conf/AltLog", "clf:/var/log/x\n"},
		{"/etc/pure-ftpd/conf/PassivePortRange", "10000 20000\n"},
		{"vsftpd.conf", "listen=YES\n"},
		{"/etc/pure-ftpd/conf/PureDB", "/etc/pure-ftpd/pureftpd.pdb\n"},
		{"/srv/rs2/etc/pure-ftpd/conf/ForcePassiveIP", "198.51.100.21\n"},
	})
	require.NoError(t, err)
	assert.Empty(t, c.NotUnderstood)
	assert.Len(t, c.FTP, 3)
}
