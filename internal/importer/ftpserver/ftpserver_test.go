package ftpserver_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/ftpserver"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"vsftpd": {`# vsftpd
listen=YES
pasv_min_port=10000
pasv_max_port=20000
pasv_address=198.51.100.21
connect_from_port_20=YES
`, "4: vsftpd passive 10000-20000, address 198.51.100.21, active 20, listen 21\n"},
		"vsftpd with defaults": {"anonymous_enable=YES\n", "1: vsftpd passive all, address invalid IP, active 0, listen 21\n"},
		"vsftpd corrects ports": {
			"listen_port=990\nftp_data_port=989\nconnect_from_port_20=1\npasv_min_port=20000\npasv_max_port=10000\n",
			"5: vsftpd passive 20000-65535, address invalid IP, active 989, listen 990\n",
		},
		"vsftpd with low ports": {"listen=YES\npasv_min_port=20\npasv_max_port=1023\n", "3: vsftpd passive 1024-65535, address invalid IP, active 0, listen 21\n"},
		"vsftpd with space": {
			"listen=YES\n  pasv_min_port= 10000\npasv_max_port =20000\nPASV_ADDRESS=198.51.100.21\n",
			`2: vsftpd passive 10000-65535, address invalid IP, active 0, listen 21
3: not understood: vsftpd does not start with this line: write pasv_max_port=, in lower case and without space
4: not understood: vsftpd does not start with this line: write pasv_address=, in lower case and without space
`,
		},
		"vsftpd with carriage returns": {
			"listen=YES\r\npasv_min_port=10000\r\npasv_max_port=10100\r\npasv_enable=no\r\n",
			`3: vsftpd passive 10000-10100, address invalid IP, active 0, listen 21
3: finding: passive data connections are off
1: not understood: vsftpd does not start with this line: "YES\r" is neither YES nor NO
4: not understood: vsftpd does not start with this line: "no\r" is neither YES nor NO
`,
		},
		"vsftpd with wrong switches": {
			"listen=TRUE\nconnect_from_port_20=yes \nssl_enable=on\nanonymous_enable=false\n",
			`1: vsftpd passive all, address invalid IP, active 0, listen 21
2: not understood: vsftpd does not start with this line: "yes " is neither YES nor NO
3: not understood: vsftpd does not start with this line: "on" is neither YES nor NO
`,
		},
		"vsftpd with space ahead of a switch, and without a value": {
			"listen= YES\npasv_enable=\n \t\r\npasv_min_port\n  # port_enable\n",
			`1: vsftpd passive all, address invalid IP, active 0, listen 21
1: finding: passive data connections are off
1: not understood: vsftpd does not start with this line: " YES" is neither YES nor NO
2: not understood: vsftpd does not start with this line: "" is neither YES nor NO
4: not understood: vsftpd does not start with this line: it has no value
`,
		},
		"vsftpd with mistakes": {
			"listen=YES\npasv_min_port=x\npasv_address=ftp.example.com\nlisten_port=99999\npasv_enable=no\n",
			`1: vsftpd passive all, address invalid IP, active 0, listen 21
1: finding: passive data connections are off
2: not understood: "x" is not a port
3: not understood: the address of passive replies is not an IP address: names are not looked up
4: not understood: "99999" is not a port
`,
		},
		"proftpd with comments, quotes and joined lines": {
			"ServerName \"the \\\"ftp\\\"\" # PassivePorts 1 2\n# MasqueradeAddress 192.0.2.1 \\\nPassivePorts \\\n  \"60000\" 65535 # range\r\nMasqueradeAddress 198.51.100.21 # VIP\n",
			"3: proftpd passive 60000-65535, address 198.51.100.21, active 20, listen 21\n",
		},
		"proftpd with wrong ports": {
			"ServerType standalone\nPassivePorts 1000 2000\n<VirtualHost 192.0.2.9>\nPassivePorts 2000 2000\n</VirtualHost>\n<Global>\nPassivePorts 5\n</Global>\n",
			`2: proftpd passive 1000-2000, address invalid IP, active 20, listen 21
4: proftpd passive 2000, address invalid IP, active 20, listen 21
2: not understood: proftpd does not start with these passive ports: they must be two different ports from 1024 on
4: not understood: proftpd does not start with these passive ports: they must be two different ports from 1024 on
7: not understood: PassivePorts does not have two ports
`,
		},
		"proftpd": {`ServerName "ftp"
Port 21
<Global>
  passiveports 10000 20000
</Global>
<IfModule mod_tls.c>
  TLSEngine on
</IfModule>
<VirtualHost 192.0.2.9>
  Port 2121
  MasqueradeAddress 198.51.100.22
  PassivePorts 30000 30100
</VirtualHost>
<VirtualHost 192.0.2.10>
  Port 0
</VirtualHost>
MasqueradeAddress 198.51.100.21
`, `1: proftpd passive 10000-20000, address 198.51.100.21, active 20, listen 21
12: proftpd passive 30000-30100, address 198.51.100.22, active 2120, listen 2121
`},
		"proftpd with what it does not say": {
			"ServerType standalone\nRootRevoke on\nMasqueradeAddress eth0\nPassivePorts 1\nPassivePorts 9 8\n<IfDefine X>\nPort 22\n</IfDefine>\nInclude /etc/x\n",
			`5: proftpd passive all, address invalid IP, active 0, listen 21
3: not understood: the address of passive replies is not an IP address: names are not looked up
4: not understood: PassivePorts does not have two ports
5: not understood: the passive ports are not a range of two ports
7: not understood: Port depends on what the file does not say: write it outside of blocks
9: not understood: Include reads other files: give them too, or delete the line if there are none
`,
		},
		"pure-ftpd.conf": {
			"# pure\nChrootEveryone yes\nPassivePortRange          10000 20000\nForcePassiveIP 198.51.100.21\nBind 127.0.0.1,2121\n",
			"3: pure-ftpd passive 10000-20000, address 198.51.100.21, active 20, listen 2121\n",
		},
		"pure-ftpd.conf with signs": {
			"ChrootEveryone = yes\nPassivePortRange =30000 50000\r\nForcePassiveIP=198.51.100.21\nBind= 192.0.2.1,2121\n",
			"2: pure-ftpd passive 30000-50000, address 198.51.100.21, active 20, listen 2121\n",
		},
		"pure-ftpd.conf with comments behind values": {
			"ChrootEveryone yes\nPassivePortRange 30000 50000 # range\n",
			`2: pure-ftpd passive all, address invalid IP, active 20, listen 21
2: not understood: pure-ftpd does not start with this line: expected PassivePortRange LOW HIGH, without a comment behind it
`,
		},
		"pure-ftpd.conf with the form of arguments": {
			"ChrootEveryone yes\nPassivePortRange 30000:50000\n",
			`2: pure-ftpd passive all, address invalid IP, active 20, listen 21
2: not understood: pure-ftpd does not start with this line: expected PassivePortRange LOW HIGH, without a comment behind it
`,
		},
		"pure-ftpd, single value":   {"10000 20000\n", "1: pure-ftpd passive 10000-20000, address invalid IP, active 20, listen 21\n"},
		"pure-ftpd, single address": {"198.51.100.21\n", "1: pure-ftpd passive all, address 198.51.100.21, active 20, listen 21\n"},
		"pure-ftpd, arguments": {
			"/usr/sbin/pure-ftpd -A -p 10000:20000 -P198.51.100.21 --bind=,990",
			"1: pure-ftpd passive 10000-20000, address 198.51.100.21, active 20, listen 990\n",
		},
		"pure-ftpd, long arguments": {
			"pure-ftpd --passiveportrange 1:2 --forcepassiveip=host --bind x",
			`1: pure-ftpd passive 1-2, address invalid IP, active 20, listen 21
1: not understood: the address of passive replies is not an IP address: names are not looked up
1: not understood: "x" is not [ADDRESS,]PORT
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, ftpserver.Recognises(test.text))
			c, err := ftpserver.Read("f", test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, dump.Config(c))
		})
	}
}

func TestRecognises(t *testing.T) {
	for _, text := range []string{
		"", "# listen=YES\n", "#!/bin/sh\nlisten=YES\n", "-A -f 21 -s wlc\n", "-A PREROUTING -p tcp\n", "*mangle\n", "virtual=21\n", "global_defs {\n}\n", "serial_no = 1\n", "1\n",
	} {
		assert.False(t, ftpserver.Recognises(text), text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("listen=YES\npasv_min_port=1\npasv_max_port=2\n")
	f.Add("ServerName x\n<Global>\n<VirtualHost>\n</x>\nPassivePorts 1 2\nPort\n")
	f.Add("PassivePortRange 1 2\nBind ,\n")
	f.Add("pure-ftpd -p -P -S")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := ftpserver.Read("f", text)
		require.NoError(t, err)
	})
}
