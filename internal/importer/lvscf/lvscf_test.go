package lvscf_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/lvscf"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"FTP by mark": {`serial_no = 12
primary = 192.0.2.2
service = lvs
backup_active = 1
heartbeat = 1
network = nat   # masquerading
nat_router = 10.0.0.254 eth1:1
tcp_timeout = 900
debug_level = NONE
virtual FTP { # control and data
     active = 1
     address = 198.51.100.21 eth0:1 # the VIP
     vip_nmask = 255.255.255.255
     fwmark = 21
     port = 21
     persistent = 300
     pmask = 255.255.255.0
     send = "#\r\n"
     expect = "220"
     load_monitor = none
     scheduler = wlc
     protocol = tcp
     timeout = 6
     reentry = 15
     quiesce_server = 0
     server rs1 {
         address = 10.0.0.11
         active = 1
         weight = 2000
     }
     server rs2 {
         address = 10.0.0.12
         active = 0
     }
     server rs3 {
         address = 10.0.0.13
         active = 1
         port = 21
     }
}
`, `10: -A -f 21 -s wlc -p 300 -M 255.255.255.0 (FTP)
26: -a -f 21 -r 10.0.0.11:0 -m -w 2000 (rs1)
31: -a -f 21 -r 10.0.0.12:0 -m -w 1 (rs2) off
35: -a -f 21 -r 10.0.0.13:21 -m -w 1 (rs3)
8: timeouts tcp 15m0s, tcp-fin 0s, udp 0s
4: finding: failover to a backup director is not part of a spec
7: finding: the gateway address of the real servers (10.0.0.254 eth1:1) is not part of a spec: something else has to add it
18: finding: a check of real servers (send) is not part of a spec
19: finding: a check of real servers (expect) is not part of a spec
12: finding: lvsd adds 198.51.100.21 to eth0:1: set vip-device: eth0 in the spec
33: finding: server rs2 of virtual server FTP is off
35: finding: real server 10.0.0.13 of mark 21 has port 21: IPVS keeps the client's port, because the service is persistent; 0 says so
`},
		"small": {`virtual web {
 active = 1
 address = 198.51.100.80
 port = 80
 persistent = 1
 load_monitor = ruptime
 server a {
  active = 1
  address = 10.0.0.1
 }
}
virtual mark {
 active = 1
 fwmark = 5
}
virtual off {
 active = 0
}
failover x {
 anything { }
 active = 1
}
`, `1: -A -t 198.51.100.80:80 -s wlc -p 1 (web)
7: -a -t 198.51.100.80:80 -r 10.0.0.1:80 -g -w 1 (a)
12: -A -f 5 -s wlc (mark)
6: finding: weights that follow the load (load_monitor = ruptime) are not part of a spec
19: finding: a failover service is not part of a spec
5: finding: persistent = 1 is one second: a client keeps its real server no longer than that
17: finding: virtual server off is off: it is left out
`},
		"not understood": {`network = bridge
service = fos
x_vendor = 1
udp_timeout = x
}
what {
 active = 1
}
virtual a {
 x_vendor = 1
 active = yes
 server s {
  x_vendor = 1
 }
}
virtual b {
 active = 1
}
virtual c {
 active = 1
 address = 198.51.100.1
}
virtual d {
 active = 1
 address = www.example.com
 port = 80
 server s {
 address = rs1
 }
 server t {
 address = 10.0.0.1
 }
}
virtual e {
 active = 1
 address = 198.51.100.1
 port = 80
 protocol = icmp
`, `1: not understood: network "bridge" is none of nat, direct, tunnel
2: not understood: service = fos: lvsd adds no virtual servers
3: not understood: x_vendor is unknown
4: not understood: udp_timeout "x" is not a number of seconds
5: not understood: the } ends no block
6: not understood: the block is unknown
10: not understood: x_vendor is unknown in a virtual server
13: not understood: x_vendor is unknown in a server
34: not understood: the block has no }
9: not understood: virtual server a has neither active = 0 nor active = 1
16: not understood: virtual server b has no address and no fwmark
19: not understood: virtual server c has no port and no fwmark
27: not understood: server s has no address; names are not looked up
30: not understood: server t has neither active = 0 nor active = 1
38: not understood: protocol "icmp" is neither tcp nor udp
23: not understood: ipvsadm: "www.example.com:80" is not an address and a port number: names are not looked up; save with ipvsadm -Sn, or write the numbers
`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := lvscf.Read("f", test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, dump.Config(c))
		})
	}
}

func TestRecognises(t *testing.T) {
	assert.True(t, lvscf.Recognises("serial_no = 1\nvirtual FTP { # x\n"))
	assert.False(t, lvscf.Recognises("virtual = 5\n"))
	assert.False(t, lvscf.Recognises("virtual_server fwmark 5 {\n"))
}

func FuzzRead(f *testing.F) {
	f.Add("network = nat\nvirtual v {\n active = 1\n fwmark = 21\n persistent = 1\n server s {\n address = 10.0.0.1\n active = 1\n port = 0\n }\n}\nfailover f {\n}\n")
	f.Add("virtual v {\nserver s {\nx {\n}\n}\n}\n}\n# \"#\" {")
	f.Fuzz(func(t *testing.T, text string) {
		lvscf.Recognises(text)
		_, err := lvscf.Read("f", text)
		require.NoError(t, err)
	})
}
