package ipvsadm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"the recipe": {`-A -f 21 -s wlc -p 300
-a -f 21 -r 10.0.0.11:0 -m -w 1
`, `1: -A -f 21 -s wlc -p 300
2: -a -f 21 -r 10.0.0.11:0 -m -w 1
`},
		"addresses, families, defaults": {`
# saved
ipvsadm -A -t 198.51.100.1:21 -p
-a -t 198.51.100.1:21 -r 10.0.0.11
-A -u [2001:db8::53]:53 -s rr -o
-a -u [2001:db8::53]:53 -r [2001:db8::9]:53 -m
-A --sctp-service 198.51.100.1:2905 -s sh -b sh-port,sh-fallback
-A -t 198.51.100.1:http
-A -t 198.51.100.2 -p
-A -f 22 -6 -p 60 -M 64
-A -f 23 -p 60 -M 255.255.0.255
-A -f 24 -M 255.255.0.0
-A -f 25 -p -M 24
-A -f 26 -p -M 0
`, `3: -A -t 198.51.100.1:21 -s wlc -p 360
4: -a -t 198.51.100.1:21 -r 10.0.0.11:21 -g -w 1
5: -A -u [2001:db8::53]:53 -s rr -o
6: -a -u [2001:db8::53]:53 -r [2001:db8::9]:53 -m -w 1
7: -A --sctp-service 198.51.100.1:2905 -s sh -b sh-fallback,sh-port
8: -A -t 198.51.100.1:80 -s wlc
9: -A -t 198.51.100.2:0 -s wlc -p 360
10: -A -f 22 -6 -s wlc -p 60 -M 64
11: -A -f 23 -s wlc -p 60 -M 255.255.0.255
12: -A -f 24 -s wlc
13: -A -f 25 -s wlc -p 360 -M 0.0.0.24
14: -A -f 26 -s wlc -p 360 -M 0.0.0.0
3: finding: -p without a number is 360 seconds, not the 300 of the man page
9: finding: -p without a number is 360 seconds, not the 300 of the man page
13: finding: -p without a number is 360 seconds, not the 300 of the man page
14: finding: -p without a number is 360 seconds, not the 300 of the man page
`},
		"comments of a script": {`# saved
ipvsadm -A -f 21 # FTP
  # servers
ipvsadm -a -f 21 -r 10.0.0.11
`, `2: -A -f 21 -s wlc
4: -a -f 21 -r 10.0.0.11:0 -g -w 1
`},
		"comments of -R": {`# removed by ipvsadm-restore
-A -f 21
-a -f 21 -r 10.0.0.11 # FTP
  # servers
`, `2: -A -f 21 -s wlc
3: -a -f 21 -r 10.0.0.11:0 -g -w 1
3: not understood: ipvsadm -R ends at this line, because it knows no comments: it loads nothing from here on
4: not understood: ipvsadm -R ends at this line, because it knows no comments: it loads nothing from here on
`},
		"carriage returns, which are space": {"-A -f 21\r\n\r\n-a -f 21 -r 10.0.0.11 -m\r\n", `1: -A -f 21 -s wlc
3: -a -f 21 -r 10.0.0.11:0 -m -w 1
`},
		"forms of options": {`--add-service --fwmark-service=21 --scheduler rr --persistent=60
-af21 -r10.0.0.11 -mw5 -x 10 -y5
-a -f 21 -r 10.0.0.12:0 -i --tun-type gue --tun-port 6080 --tun-csum
-a -f 21 -r [fd00::12]:0 -i --tun-type gre
-a -f 21 -r 10.0.0.13 -p
`, `1: -A -f 21 -s rr -p 60
2: -a -f 21 -r 10.0.0.11:0 -m -w 5 -x 10 -y 5
3: -a -f 21 -r 10.0.0.12:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
4: -a -f 21 -r [fd00::12]:0 -i -w 1 --tun-type gre --tun-nocsum
5: not understood: ipvsadm: --persistent does not belong to --add-server
`},
		"negative marks of ipvsadm 1.31": {"-A -f -2147483648 -s rr\n-A -f -1 -s rr\n-A -f 4294967294 -s rr\n", `1: -A -f 2147483648 -s rr
2: -A -f 4294967295 -s rr
3: -A -f 4294967294 -s rr
`},
		"ports": {`-A -t 198.51.100.1:80
-a -t 198.51.100.1:80 -r 10.0.0.11:8080 -m
-a -t 198.51.100.1:80 -r 10.0.0.12:8080 -g
-A -f 80
-a -f 80 -r 10.0.0.11:8080 -m
-a -f 80 -r 10.0.0.12:8080 -g
`, `1: -A -t 198.51.100.1:80 -s wlc
2: -a -t 198.51.100.1:80 -r 10.0.0.11:8080 -m -w 1
3: -a -t 198.51.100.1:80 -r 10.0.0.12:80 -g -w 1
4: -A -f 80 -s wlc
5: -a -f 80 -r 10.0.0.11:8080 -m -w 1
6: -a -f 80 -r 10.0.0.12:8080 -g -w 1
5: finding: real server 10.0.0.11 of mark 80 has port 8080: packets to each marked port arrive at this one; 0 keeps the client's port
`},
		"edit, delete, clear": {`-A -f 1
-C
-A -f 2
-A -f 3
-D -f 2
-E -f 3 -s rr -p 9
-a -f 3 -r 10.0.0.1 -m -w 9
-a -f 3 -r 10.0.0.2 -m
-e -f 3 -r 10.0.0.1 -i
-d -f 3 -r 10.0.0.2
-Z
-L -n
`, `6: -A -f 3 -s rr -p 9
9: -a -f 3 -r 10.0.0.1:0 -i -w 1 --tun-type ipip
`},
		"commands without effect": {`-D -f 1
-A -f 2
-A -f 2 -s rr
-a -f 2 -r 10.0.0.1
-a -f 2 -r 10.0.0.1 -m
-d -f 2 -r 10.0.0.9
-E -f 4
-a -f 4 -r 10.0.0.1
`, `2: -A -f 2 -s wlc
4: -a -f 2 -r 10.0.0.1:0 -g -w 1
1: finding: no command before this one adds the service: the command deletes nothing
3: finding: ipvsadm refuses this command: the service exists since f:2
5: finding: ipvsadm refuses this command: the real server exists since f:4
6: finding: ipvsadm refuses this command: no command before this one adds the real server
7: not understood: no command before this one adds the service
8: not understood: no command before this one adds the service
`},
		"timeouts and sync": {`--set 900 120 0
--start-daemon master --mcast-interface eth1 --syncid 7
--start-daemon backup
--stop-daemon backup
--start-daemon=backup --mcast-interface eth2 --sync-maxlen 9000 --mcast-group ff02::81 --mcast-port 9000 --mcast-ttl 3
--start-daemon master
--start-daemon both
--start-daemon backup --syncid 300
`, `1: timeouts tcp 15m0s, tcp-fin 2m0s, udp 0s
2: sync master eth1 id 7 maxlen 1472 group 224.0.0.81 port 8848 ttl 1
5: sync backup eth2 id 0 maxlen 9000 group ff02::81 port 9000 ttl 3
6: finding: the kernel refuses a second sync daemon master; the first is in f:2
7: not understood: ipvsadm: a sync daemon is master or backup, not "both"
8: not understood: ipvsadm: --syncid has 0 to 255, not "300"
`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ipvsadm.Read("f", test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, dump.Config(c))
		})
	}
}

// TestNotUnderstood: a command that ipvsadm refuses, or whose meaning depends on the machine,
// changes nothing.
func TestNotUnderstood(t *testing.T) {
	for command, want := range map[string]string{
		"-A":                                    "--add-service has no service",
		"-A -t www.example.com:80":              `"www.example.com:80" is not an address and a port number: names are not looked up; save with ipvsadm -Sn, or write the numbers`,
		"-A -t 10.1:80":                         `"10.1:80" is not an address`,
		"-A -t 198.51.100.1:imaginary":          "is not an address",
		"-A -t 198.51.100.1":                    "a service without a port must be persistent",
		"-A -t 198.51.100.1:80 -o":              "--ops is for UDP",
		"-A -f 0":                               `"0" is not a mark`,
		"-A -f 1 -s sixteen_letters_":           `"sixteen_letters_" is not a scheduler: its name has more than 15 bytes`,
		"-A -f 0x15":                            `"0x15" is not a mark`,
		"-A -f 4294967296":                      `"4294967296" is not a mark`,
		"-A -f 1 -f 2":                          "--fwmark-service is given twice",
		"-A -f 1 -t 198.51.100.1:80":            "there are two services",
		"-A -6 -f 1":                            "-6 must stand behind -f",
		"-A -f 1 -p 0":                          `"0" is not a persistence timeout of 1 to 2678400 seconds`,
		"-A -f 1 -p 5m":                         `"5m" is not a persistence timeout`,
		"-A -f 1 -M /24":                        `"/24" is not a netmask such as 255.255.255.0`,
		"-A -f 1 -6 -p -M 255.255.255.0":        `"255.255.255.0" is not a prefix length of 1 to 128`,
		"-A -M 255.0.0.0 -f 1":                  "-M stands before the service",
		"-A -f 1 -s rr -b sh-port":              `"sh-port" is not a flag of scheduler rr`,
		"-A -f 1 -w 1":                          "--weight does not belong to --add-service",
		"-A -f 1 extra":                         `unexpected argument "extra"`,
		"-A -f":                                 "--fwmark-service has no argument",
		"-A -f 1 --clear":                       "--clear is a second command",
		"-A --numeric=1":                        "--numeric takes no argument",
		"-A --imaginary":                        "unknown option --imaginary",
		"-q":                                    "unknown option -q",
		"-t 198.51.100.1:80":                    "--tcp-service is not a command",
		"-a -f 1":                               "--add-server has no --real-server",
		"-a -r 10.0.0.1":                        "--add-server has no service",
		"-a -f 1 -r rs1":                        `"rs1" is not an address`,
		"-a -f 1 -r 10.0.0.1 -m -g":             "there are two forwarding methods",
		"-a -f 1 -r 10.0.0.1 -w 2147483648":     `"2147483648" is not a number up to 2147483647 for --weight`,
		"-a -f 1 -r fd00::1 -m":                 "real server and service have different address families",
		"-a -f 1 -r 10.0.0.1 -x 5 -y 10":        "the lower threshold is above the upper one",
		"-a -f 1 -r 10.0.0.1 --tun-csum":        "options of tunnels need --ipip",
		"-a -f 1 -r 10.0.0.1 -i --tun-type gue": "--tun-type gue and --tun-port belong together",
		"-a -f 1 -r 10.0.0.1 -i --tun-type ip6": `"ip6" is not a tunnel type`,
		"--set 1 2":                             "--set needs three timeouts in seconds",
		"-R":                                    "ipvsadm -R reads services from another file: give that file",
		"$VIP":                                  `there is no command before "$VIP"`,
	} {
		c, err := ipvsadm.Read("f", "-A -f 1\n"+command+"\n")
		require.NoError(t, err)
		require.Len(t, c.NotUnderstood, 1, "%s\n%s", command, dump.Config(c))
		assert.Contains(t, c.NotUnderstood[0].Message, want, command)
		assert.Equal(t, oldconfig.Line{File: "f", Number: 2, Text: command}, c.NotUnderstood[0].Line)
		assert.Equal(t, "-A -f 1 -s wlc\n", dump.Services(c), command)
	}
}

func TestRecognises(t *testing.T) {
	for text, want := range map[string]bool{
		"-A -f 21 -s wlc\n":                              true,
		"# IPVS\n\n--add-service --fwmark-service 21":    true,
		"-C\n-A -t 10.0.0.1:80 -p":                       true,
		"ipvsadm -A -f 1\nipvsadm -a -f 1 -r 10.0.0.1\n": true,
		"-A PREROUTING -d 10.0.0.1 -j ACCEPT":            false,
		"*mangle\n-A PREROUTING -t 10.0.0.1":             false,
		"ipvsadm -A -t $VIP:21":                          false,
		"ipvsadm -A -f 21\niptables -F":                  false,
		"#!/bin/sh\n/sbin/ipvsadm -A -f 21":              false,
		"virtual=10.0.0.1:80":                            false,
		"":                                               false,
		"# nothing":                                      false,
	} {
		assert.Equal(t, want, ipvsadm.Recognises(text), text)
	}
}

// TestManyCommands: the time is linear in the commands, also where each deletes.
func TestManyCommands(t *testing.T) {
	var b strings.Builder
	b.WriteString("-A -f 1\n")
	for i := range 100000 {
		fmt.Fprintf(&b, "-a -f 1 -r 10.%d.%d.%d -m\n", i>>16, i>>8&255, i&255)
		if i%2 == 1 {
			fmt.Fprintf(&b, "-d -f 1 -r 10.%d.%d.%d\n", i>>16, i>>8&255, i&255)
		}
	}
	c, err := ipvsadm.Read("f", b.String())
	require.NoError(t, err)
	assert.Len(t, c.Services[0].RealServers, 50000)
	assert.Empty(t, c.NotUnderstood)
}

func FuzzRead(f *testing.F) {
	f.Add("-A -f 21 -6 -s wlc -p 300 -M 64 -b mh-port\n-a -f 21 -r [fd00::1]:0 -i --tun-type gue --tun-port=6080\n-C")
	f.Add("DAEMON=both\nSYNCID=3\n[Service]\nExecStart=-ipvsadm --start-daemon master --syncid 1\n")
	f.Add("ipvsadm -E -t 10.0.0.1:ftp -p\n-e -u [::1]:1 -r ::1 -xxyy\n--set 1 2 3\n- -- ---")
	f.Fuzz(func(t *testing.T, text string) {
		ipvsadm.Recognises(text)
		c, err := ipvsadm.Read("f", text)
		require.NoError(t, err)
		for _, read := range []func(name, text string) (*oldconfig.Config, error){ipvsadm.ReadDefaults, ipvsadm.ReadUnit} {
			_, err := read("f", text)
			require.NoError(t, err)
		}
		// What is written is read back to the same services.
		written := dump.Services(c)
		again, err := ipvsadm.Read("f", written)
		require.NoError(t, err)
		assert.Equal(t, written, dump.Services(again))
	})
}

// TestSyncFiles: files that start sync daemons.
func TestSyncFiles(t *testing.T) {
	defaults := "# start at boot?\nAUTO=\"true\"\nDAEMON=\"both\"\nIFACE=eth1\nSYNCID='7'\n"
	require.True(t, ipvsadm.RecognisesDefaults(defaults))
	c, err := ipvsadm.ReadDefaults("f", defaults)
	require.NoError(t, err)
	assert.Equal(t, "3: sync master eth1 id 7 maxlen 1472 group 224.0.0.81 port 8848 ttl 1\n3: sync backup eth1 id 7 maxlen 1472 group 224.0.0.81 port 8848 ttl 1\n", dump.Config(c))
	none, err := ipvsadm.ReadDefaults("f", "AUTO=false\nDAEMON=none\n")
	require.NoError(t, err)
	assert.Empty(t, dump.Config(none))
	assert.False(t, ipvsadm.RecognisesDefaults("AUTO=true\nOTHER=1\nDAEMON=none\n"))

	unit := "[Unit]\nDescription=sync\n[Service]\nType=oneshot\nExecStart=-/usr/sbin/ipvsadm --start-daemon master --mcast-interface eth1\nExecStart=/bin/sh -c 'ipvsadm-restore < /etc/x'\nExecStop=/usr/sbin/ipvsadm --stop-daemon master\n"
	require.True(t, ipvsadm.RecognisesUnit(unit))
	c, err = ipvsadm.ReadUnit("f", unit)
	require.NoError(t, err)
	assert.Equal(t, "5: sync master eth1 id 0 maxlen 1472 group 224.0.0.81 port 8848 ttl 1\n6: not understood: only commands of ipvsadm without variables and quotes are read: give the files that this one reads\n", dump.Config(c))
	assert.False(t, ipvsadm.RecognisesUnit("[Unit]\n[Service]\nExecStart=/bin/true\n"))
}
