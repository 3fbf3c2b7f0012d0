package keepalived

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"the recipe": {`! Configuration File for keepalived
virtual_server fwmark 21 {
	delay_loop 6
	lb_algo wlc	# old name
	lb_kind NAT
	persistence_timeout 300
	real_server 10.0.0.11 0 { weight 3 }
	real_server 10.0.0.12
	{
		TCP_CHECK {
			connect_port 21
		}
	}
}
`, `2: -A -f 21 -s wlc -p 300
7: -a -f 21 -r 10.0.0.11:0 -m -w 3
8: -a -f 21 -r 10.0.0.12:0 -m -w 1
10: finding: TCP_CHECK is not part of a spec: lvsmark does not check real servers
`},
		"defaults and what keepalived ignores": {`virtual_server 198.51.100.1 {
	weight 5
	nat_mask 255.255.255.0
	sh-port
	real_server 10.0.0.11 8080 {
		lvs_method DR
		inhibit_on_failure
	}
	real_server 10.0.0.12 {
		weight 0
		uthreshold 100
		lthreshold 50
	}
	real_server 10.0.0.12 {
	}
	real_server fd00::12 {
		lvs_method TUN type gre csum
	}
}
virtual_server 198.51.100.2 80 {
	protocol TCP
}
`, `1: -A -u 198.51.100.1:0 -s wlc -p 360
5: -a -u 198.51.100.1:0 -r 10.0.0.11:0 -g -w 5
9: -a -u 198.51.100.1:0 -r 10.0.0.12:0 -m -w 0 -x 100 -y 50
16: -a -u 198.51.100.1:0 -r [fd00::12]:0 -i -w 5 --tun-type gre --tun-csum
4: finding: keepalived ignores sh-port: no line before it sets lvs_sched sh
7: finding: inhibit_on_failure is not part of a spec: lvsmark does not check real servers
14: finding: keepalived ignores this real server: it is there already
20: finding: keepalived ignores this block: it has no real server
1: finding: keepalived makes a service without a port persistent, for 360 seconds
1: finding: without a line protocol, keepalived serves UDP here, not TCP
5: finding: keepalived ignores port 8080 of real server 10.0.0.11: it counts for NAT only
`},
		"all settings": {`virtual_server 2001:db8::1 53 {
	ip_family inet6
	lvs_sched sh
	sh-port
	sh-fallback
	ops
	lvs_method TUN type gue port 6080 remcsum
	persistence_granularity 64
	persistence_engine sip
	protocol UDP
	quorum 2
	quorum_up "/bin/up now"
	alpha
	sorry_server fd00::99 53
	sorry_server_lvs_method NAT
	real_server fd00::11 53 {
		notify_down /bin/down
	}
}
virtual_server fwmark 4294967295 {
	lvs_sched mh
	mh-port
	persistence_timeout 9
	persistence_granularity 255.255.0.255
	real_server 10.0.0.11 80 {
	}
}
`, `1: -A -u [2001:db8::1]:53 -s sh -p 360 -M 64 --pe sip -o -b sh-fallback,sh-port
16: -a -u [2001:db8::1]:53 -r [fd00::11]:53 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
14: -a -u [2001:db8::1]:53 -r [fd00::99]:53 -m -w 1 fallback
20: -A -f 4294967295 -s mh -p 9 -M 255.255.0.255 -b mh-port
25: -a -f 4294967295 -r 10.0.0.11:80 -m -w 1
11: finding: quorum 2 is not part of a spec: lvsmark does not check real servers
12: finding: quorum_up runs /bin/up now: what it does to rules and services is not compared
13: finding: alpha is not part of a spec: lvsmark does not check real servers
14: finding: sorry_server is not part of a spec: lvsmark does not check real servers
17: finding: notify_down runs /bin/down: what it does to rules and services is not compared
25: finding: real server 10.0.0.11 of mark 4294967295 has port 80: IPVS keeps the client's port, because the service is persistent; 0 says so
`},
		"an empty group": {`virtual_server_group none {
}
virtual_server group none {
	real_server 10.0.0.11 80 {
	}
}
`, `3: finding: keepalived ignores this block: virtual_server_group none is empty
`},
		"groups": {`virtual_server group ftp { # the group is below
	lvs_sched rr
	lvs_method DR
	protocol TCP
	persistence_timeout
	persistence_granularity 255.255.255.0
	real_server 10.0.0.11 { }
}
virtual_server_group ftp {
	198.51.100.1-2 21
	198.51.100.8/31 21
	198.51.100.255-198.51.101.0 21
	fwmark 21
	fwmark 22 inet
}
virtual_server_group six {
	fd00::fe-100
	fd00::200/127 80
}
virtual_server group six {
	protocol TCP
	real_server fd00::11 80 { }
}
`, `1: -A -t 198.51.100.1:21 -s rr -p 360 (ftp)
7: -a -t 198.51.100.1:21 -r 10.0.0.11:21 -g -w 1
1: -A -t 198.51.100.2:21 -s rr -p 360 (ftp)
7: -a -t 198.51.100.2:21 -r 10.0.0.11:21 -g -w 1
1: -A -t 198.51.100.8:21 -s rr -p 360 (ftp)
7: -a -t 198.51.100.8:21 -r 10.0.0.11:21 -g -w 1
1: -A -t 198.51.100.9:21 -s rr -p 360 (ftp)
7: -a -t 198.51.100.9:21 -r 10.0.0.11:21 -g -w 1
1: -A -t 198.51.100.255:21 -s rr -p 360 (ftp)
7: -a -t 198.51.100.255:21 -r 10.0.0.11:21 -g -w 1
1: -A -t 198.51.101.0:21 -s rr -p 360 (ftp)
7: -a -t 198.51.101.0:21 -r 10.0.0.11:21 -g -w 1
1: -A -f 21 -s rr -p 360 (ftp)
7: -a -f 21 -r 10.0.0.11:0 -g -w 1
1: -A -f 22 -s rr -p 360 (ftp)
7: -a -f 22 -r 10.0.0.11:0 -g -w 1
20: -A -t [fd00::fe]:0 -s wlc -p 360 (six)
22: -a -t [fd00::fe]:0 -r [fd00::11]:80 -m -w 1
20: -A -t [fd00::ff]:0 -s wlc -p 360 (six)
22: -a -t [fd00::ff]:0 -r [fd00::11]:80 -m -w 1
20: -A -t [fd00::100]:0 -s wlc -p 360 (six)
22: -a -t [fd00::100]:0 -r [fd00::11]:80 -m -w 1
20: -A -t [fd00::200]:80 -s wlc -p 360 (six)
22: -a -t [fd00::200]:80 -r [fd00::11]:80 -m -w 1
20: -A -t [fd00::201]:80 -s wlc -p 360 (six)
22: -a -t [fd00::201]:80 -r [fd00::11]:80 -m -w 1
5: finding: persistence_timeout without a number is 360 seconds
1: finding: keepalived ignores persistence_granularity for a group
20: finding: keepalived makes a service without a port persistent, for 360 seconds
`},
		"ops": {`virtual_server_group web {
	198.51.100.1-2 80
	fwmark 80
}
virtual_server group web {
	ops
	protocol TCP
	real_server 10.0.0.11 80 { }
}
virtual_server 198.51.100.3 53 {
	ops
	protocol UDP
	real_server 10.0.0.11 53 { }
}
`, `5: -A -t 198.51.100.1:80 -s wlc (web)
8: -a -t 198.51.100.1:80 -r 10.0.0.11:80 -m -w 1
5: -A -t 198.51.100.2:80 -s wlc (web)
8: -a -t 198.51.100.2:80 -r 10.0.0.11:80 -m -w 1
5: -A -f 80 -s wlc -o (web)
8: -a -f 80 -r 10.0.0.11:80 -m -w 1
10: -A -u 198.51.100.3:53 -s wlc -o
13: -a -u 198.51.100.3:53 -r 10.0.0.11:53 -m -w 1
5: finding: keepalived ignores ops: it counts for UDP only
8: finding: real server 10.0.0.11 of mark 80 has port 80: packets to each marked port arrive at this one; 0 keeps the client's port
`},
		"numbers": {`virtual_server 198.51.100.1 80 {
	persistence_granularity 24
	protocol TCP
	real_server 10.0.0.11 80 { weight 70000 }
}
`, `1: -A -t 198.51.100.1:80 -s wlc -p 360 -M 0.0.0.24
4: -a -t 198.51.100.1:80 -r 10.0.0.11:80 -m -w 70000
`},
		"thresholds": {`virtual_server fwmark 1 {
	real_server 10.0.0.11 {
		lthreshold 9
		uthreshold 8
	}
}
`, `1: -A -f 1 -s wlc
2: -a -f 1 -r 10.0.0.11:0 -m -w 1 -x 8 -y 9 off
2: finding: the kernel refuses this real server: lthreshold is above uthreshold
`},
		"weight 0": {`virtual_server fwmark 1 {
	sorry_server 10.0.0.99
	real_server 10.0.0.11 { weight 0 }
}
virtual_server fwmark 2 {
	real_server 10.0.0.11 { weight 0 }
}
`, `1: -A -f 1 -s wlc
3: -a -f 1 -r 10.0.0.11:0 -m -w 0 off
2: -a -f 1 -r 10.0.0.99:0 -m -w 1
5: -A -f 2 -s wlc
6: -a -f 2 -r 10.0.0.11:0 -m -w 0
2: finding: sorry_server is not part of a spec: lvsmark does not check real servers
1: finding: all real servers have weight 0: keepalived uses the sorry server in place of them
`},
		"definitions": {`$VIP=198.51.100.1
$PORT= 21
$SPACED = 21
$WHERE=${VIP} $PORT
$MULTI=lb_algo rr \
   lb_kind NAT
$HIDDEN=lb_algo sh \
   # lb_kind DR \
   weight 1
$COMMENTED=lb_algo sh \
   lb_kind DR # direct
$NESTED= \
   $MULTI
virtual_server $WHERE {
	protocol TCP
	real_server 10.0.0.11 ${PORT} { }
	$MULTI
	quorum 1 $MULTI
	${HIDDEN}
	$NESTED
	$UNSET
	@low weight 3
	~SEQ(x, 1, 3) weight $x
}
`, `14: -A -t 198.51.100.1:21 -s rr
16: -a -t 198.51.100.1:21 -r 10.0.0.11:21 -m -w 3
18: finding: quorum 1 lb_algo rr is not part of a spec: lvsmark does not check real servers
22: not understood: keepalived reads the line only with configuration identifier low: without option -i, it is the host name up to the first dot
3: not understood: $SPACED has no definition before this line
21: not understood: $UNSET has no definition before this line
`},
		"the daemon and VRRP": {`net_namespace ipvs
global_defs {
	router_id LVS1
	lvs_sync_daemon eth1 VI_1 id 7
	lvs_timeouts tcp 900 udp 300
	lvs_flush
	startup_script /etc/marks.sh
	nftables_ipvs
}
vrrp_script chk {
	script "exit 0 }"
}
vrrp_instance VI_1 {
	virtual_ipaddress { 198.51.100.1 }
}
`, `5: timeouts tcp 15m0s, tcp-fin 0s, udp 5m0s
4: sync both eth1 id 7 maxlen 1472 group 224.0.0.81 port 8848 ttl 1
1: finding: the services are in network namespace ipvs: use --netns
6: finding: keepalived deletes all IPVS services when it starts, also those of lvsmark: remove lvs_flush
7: finding: startup_script runs /etc/marks.sh: what it does to rules and services is not compared
13: finding: vrrp_instance VI_1 has no interface or no virtual_router_id
8: not understood: keepalived gives groups marks of its own: use the output of ipvsadm -Sn and of nft list ruleset in place of this file
`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Read("f", test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, dump.Config(c))
		})
	}
}

// TestNotUnderstood: a statement that is not understood is recorded with its line.
func TestNotUnderstood(t *testing.T) {
	for statement, want := range map[string]string{
		"imaginary { x }":                                     "imaginary is unknown",
		"virtual_server { }":                                  "virtual_server has another form than",
		"virtual_server host 80 { }":                          "virtual_server has another form than",
		"virtual_server 198.51.100.0/24 80 { }":               "virtual_server has another form than",
		"virtual_server 198.51.100.1 ftp { }":                 "virtual_server has another form than",
		"virtual_server fwmark 0 { }":                         `fwmark "0" is not a number`,
		"virtual_server fwmark 0x15 { }":                      `fwmark "0x15" is not a number`,
		"virtual_server group g { real_server 10.0.0.1 { } }": "there is no virtual_server_group g",
		"virtual_server group { }":                            "virtual_server group has no name",
		"virtual_server_group g { 198.51.100.3-1 80 }":        "the entry has another form",
		"virtual_server_group g { 198.51.100.1/24 80 }":       "the entry has another form",
		"virtual_server_group g { 198.51.100.1-256 }":         "the entry has another form",
		"virtual_server_group g { fwmark 1 inet4 }":           "the entry has another form",
		"include {a,b":                                        "the braces of this include are not closed",
		"include a}":                                          "the braces of this include are not closed",
		"include [[:alpha:]]":                                 "this form of include is not supported",
		"include a\\*b":                                       "this form of include is not supported",
		"include \"a\"":                                       "this form of include is not supported",
		"includea {a,b}":                                      "keepalived may refuse to start",
		"includew none*":                                      "keepalived may refuse to start",
		"foo { include a":                                     "keepalived reads the files of this include twice",
		"global_defs { lvs_timeouts \"tcp }":                  "a quote is not closed",
		"\\#foo":                                              "begins with",
		"# " + strings.Repeat("x", maxBytes):                  "keepalived reads this line as several ones",
		"virtual_server_group g { \\":                         "only definitions go on behind \\",
		"virtual_server_group g { } # note \\":                "only definitions go on behind \\",
		"include none \\":                                     "only definitions go on behind \\",
		"include /dev/null":                                   "the included files cannot be read",
		"{ }":                                                 "a block without a name",
		"global_defs { lvs_timeouts tcp }":                    "lvs_timeouts has another form",
		"global_defs { smtp_server }":                         "keepalived ends at this line: smtp_server has no value",
		"vrrp_instance V { notify }":                          "keepalived ends at this line: notify has no value",
		"virtual_server fwmark 1 { real_server 10.0.0.1 { TCP_CHECK { connect_port } } }": "keepalived ends at this line: connect_port has no value",
	} {
		c, err := Read("f", "\n"+statement)
		require.NoError(t, err)
		require.NotEmpty(t, c.NotUnderstood, statement)
		assert.Contains(t, c.NotUnderstood[0].Message, want, statement)
		assert.Equal(t, 2, c.NotUnderstood[0].Number, statement)
	}
	for setting, want := range map[string]string{
		"imaginary":                             "imaginary is unknown in virtual_server",
		"lb_algo fair":                          `scheduler "fair" is unknown to keepalived`,
		"lb_kind nat":                           `method "nat" is none of NAT, DR, TUN`,
		"lb_kind TUN type gue":                  "the options of the tunnel are not understood",
		"lb_kind TUN csum":                      "the options of the tunnel are not understood",
		"lb_kind DR type gre":                   "the options of the tunnel are not understood",
		"persistence_timeout 0":                 "persistence_timeout is not a number of seconds",
		"persistence_timeout 5m":                "persistence_timeout is not a number of seconds",
		"persistence_granularity 255.255":       `persistence_granularity "255.255" is not a netmask of IPv4`,
		"protocol ICMP":                         `protocol "ICMP" is unknown to keepalived`,
		"ip_family inet6":                       `ip_family "inet6" does not fit the service`,
		"weight 0":                              `weight "0" is not a number from 1 to 2147483647`,
		"delay_loop":                            "keepalived ends at this line: delay_loop has no value",
		"quorum_up":                             "keepalived ends at this line: quorum_up has no value",
		"real_server rs1 80 { }":                "real_server has another form",
		"real_server fd00::1 80 { }":            "real server and service have different address families",
		"real_server 10.0.0.2 { imaginary }":    "imaginary is unknown in real_server",
		"real_server 10.0.0.2 { uthreshold x }": `uthreshold "x" is not a number`,
		"sorry_server x":                        "sorry_server has another form",
	} {
		c, err := Read("f", "virtual_server 198.51.100.1 80 {\nprotocol TCP\nreal_server 10.0.0.1 80 { }\n"+setting+"\n}")
		require.NoError(t, err)
		require.Len(t, c.NotUnderstood, 1, "%s\n%s", setting, dump.Config(c))
		assert.Contains(t, c.NotUnderstood[0].Message, want, setting)
		assert.Equal(t, 4, c.NotUnderstood[0].Number, setting)
	}
}

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	main := "$P=80\ninclude conf.d/*.conf\ninclude none*\n"
	write("conf.d/a.conf", "virtual_server 198.51.100.1 $P {\nprotocol TCP\ninclude b\n}\n")
	write("conf.d/b", "real_server 10.0.0.1 80 { }\n")
	write("conf.d/loop", "include loop\n")
	c, err := Read(filepath.Join(dir, "keepalived.conf"), main)
	require.NoError(t, err)
	assert.Equal(t, "1: -A -t 198.51.100.1:80 -s wlc\n1: -a -t 198.51.100.1:80 -r 10.0.0.1:80 -m -w 1\n3: finding: no file matches "+
		dir+"/none*: keepalived ignores the include\n", dump.Config(c))
	assert.Equal(t, filepath.Join(dir, "conf.d/b"), c.Services[0].RealServers[0].File)

	c, err = Read(filepath.Join(dir, "x"), "include conf.d/loop\n")
	require.NoError(t, err)
	assert.Contains(t, dump.Config(c), "includes are nested more than 16 times")
}

// TestIncludedFiles: glob(3) finds hidden files only if the pattern has the dot, and keepalived
// skips directories and executable files.
func TestIncludedFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"conf/a.conf", "conf/.a.conf.swp", "conf/.b.conf", "conf/run.conf", ".old/c.conf", "conf/d.conf/e"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("word_"+filepath.Base(name)+"\n"), 0o600))
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "conf/run.conf"), 0o700))
	skipped := "1: finding: keepalived skips DIR/conf/d.conf: it is a directory\n1: finding: keepalived skips DIR/conf/run.conf: it is executable\n"
	for pattern, want := range map[string]string{
		"conf/*":        skipped + "1: not understood: word_a.conf is unknown\n",
		"*/?*.conf":     skipped + "1: not understood: word_a.conf is unknown\n",
		"conf/.b.*":     "1: not understood: word_.b.conf is unknown\n",
		"conf/.?.conf":  "1: not understood: word_.b.conf is unknown\n",
		"conf/[.]b*":    "1: finding: no file matches DIR/conf/[.]b*: keepalived ignores the include\n",
		"./.o*/*":       "1: not understood: word_c.conf is unknown\n",
		"conf/run.conf": "1: finding: keepalived skips DIR/conf/run.conf: it is executable\n",
	} {
		c, err := Read(filepath.Join(dir, "keepalived.conf"), "include "+pattern+"\n")
		require.NoError(t, err)
		assert.Equal(t, want, strings.ReplaceAll(dump.Config(c), dir, "DIR"), pattern)
	}
}

// TestLimits: what a short file asks for is bounded.
func TestLimits(t *testing.T) {
	large := "virtual_server_group g {\n10.0.0.0/8 1\n10.0.0.0/8 2\nfd00::/64 1\n}\nvirtual_server group g {\nprotocol TCP\nreal_server 10.0.0.1 { }\n}\n"
	c, err := Read("f", large)
	require.NoError(t, err)
	assert.Equal(t, `2: not understood: the services of the file have more than 1048576 real servers together
3: not understood: the services of the file have more than 1048576 real servers together
4: not understood: keepalived serves only a part of this range: it counts in the last 16 bits of an address
`, dump.Config(c))

	var b strings.Builder
	b.WriteString("$A=xxxxxxxxxxxxxxxx\n")
	for i := range 25 {
		b.WriteString("$" + string(rune('B'+i)) + "=$" + string(rune('A'+i)) + "$" + string(rune('A'+i)) + "\n")
	}
	b.WriteString("$Z\n")
	c, err = Read("f", b.String())
	require.NoError(t, err)
	assert.Contains(t, dump.Config(c), "27: not understood: ")
}

// TestNoise: a large file takes little more memory than its lines.
func TestNoise(t *testing.T) {
	c, err := Read("f", strings.Repeat("x\n", maxLines+1))
	require.NoError(t, err)
	assert.Len(t, c.NotUnderstood, oldconfig.MaxRemarks)

	nodes := parse([]textLine{{text: strings.Repeat("a{}", 1<<20)}})
	assert.Less(t, len(nodes), maxLines)
	assert.Contains(t, nodes[len(nodes)-1].opaque, "more than 1048576 statements")

	servers := "virtual_server fwmark 1 {\n" + strings.Repeat("real_server 10.0.0.1 { }\n", 200000) + "}\n"
	c, err = Read("f", servers)
	require.NoError(t, err)
	assert.Len(t, c.Services[0].RealServers, 1)
}

func TestRecognises(t *testing.T) {
	for text, want := range map[string]bool{
		"! comment\nglobal_defs {\n}":        true,
		"virtual_server 198.51.100.1 80 {\n": true,
		"virtual = 10.0.0.1:80":              false,
		"# virtual_server":                   false,
		"":                                   false,
	} {
		assert.Equal(t, want, Recognises(text), text)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("virtual_server fwmark 21 {\nlb_algo sh\nsh-port\nreal_server 10.0.0.1 { weight 3 }\n}\n$A=1\n$A ${A}\ninclude x\n")
	f.Add("virtual_server_group g {\n10.0.0.1-9 21\nfd00::/120\nfwmark 3 inet6\n}\nvirtual_server group g { real_server fd00::1 { lvs_method TUN type gue port 9 } sorry_server fd00::2 }")
	f.Add("global_defs { lvs_timeouts tcp 1 }\n\"{ } \\ ! # @x ~SEQ(")
	f.Add("global_defs { lvs_sync_daemon eth1 inst A id 3 group 224.0.0.1 }\nvrrp_sync_group G { group {\nA\nB } }\nvrrp_instance A {\ninterface e\nvirtual_router_id 1\nadvert_int 2\nunicast_peer { 10.0.0.1 }\nvirtual_ipaddress { 10.0.0.2/24 dev x label y } }\nvrrp_instance B { virtual_routes { local 10.0.0.0/8 dev x scope host table local } }")
	noFiles := func(string) ([]includedFile, error) { return []includedFile{{name: "i", text: "include x\n}{"}}, nil }
	f.Fuzz(func(t *testing.T, text string) {
		Recognises(text)
		c := readWith("f", text, noFiles)
		for _, s := range c.Services {
			require.NotEmpty(t, s.Scheduler)
			require.True(t, s.Mark != 0 || s.Address.IsValid())
		}
	})
}
