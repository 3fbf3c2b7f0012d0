package ldirectord_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/ldirectord"
)

func TestRead(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"FTP by mark": {`# Global Directives
checktimeout=3
checkinterval = 1
autoreload = yes
quiescent=yes

virtual=21
	real=10.0.0.11 masq 5
        real = 10.0.0.12:0 masq	# comment
    service=ftp
	# a comment in between
	login="anonymous"
	scheduler=wlc
	persistent=600
	netmask=255.255.255.0
	protocol=fwm
	checktype=negotiate
`, `7: -A -f 21 -s wlc -p 600 -M 255.255.255.0
8: -a -f 21 -r 10.0.0.11:0 -m -w 5
9: -a -f 21 -r 10.0.0.12:0 -m -w 1
5: finding: quiescent is not part of a spec: lvsmark does not check real servers
17: finding: the check of real servers (checktype = negotiate) is not part of a spec
`},
		"addresses, ranges, fallback": {`virtual=198.51.100.1:http
	real=10.0.0.1->10.0.0.3:80 gate 2 "index.html", "a b"
	real=10.0.0.9:8080 masq 1 "x","y" l:5 u:10
	netmask=255.255.255.0
	fallback=10.0.0.99:80 masq
	checktype=connect
virtual=198.51.100.1:53
	real=10.0.0.1:53 ipip
	ops=yes
	checktype=on
virtual6=[2001:db8::1]:80
	real6=[fd00::1]:80 masq
	schedflags=sh-port
	scheduler=sh
	fallbackcommand="/bin/x"
virtual6=7
	real6=[fd00::1]:80 masq
	checktype=off
fallback=127.0.0.1 gate
`, `1: -A -t 198.51.100.1:80 -s wrr
2: -a -t 198.51.100.1:80 -r 10.0.0.1:80 -g -w 2
2: -a -t 198.51.100.1:80 -r 10.0.0.2:80 -g -w 2
2: -a -t 198.51.100.1:80 -r 10.0.0.3:80 -g -w 2
3: -a -t 198.51.100.1:80 -r 10.0.0.9:8080 -m -w 1 -x 10 -y 5
5: -a -t 198.51.100.1:80 -r 10.0.0.99:80 -m -w 1 fallback
7: -A -u 198.51.100.1:53 -s wrr -o
8: -a -u 198.51.100.1:53 -r 10.0.0.1:53 -i -w 1 --tun-type ipip
19: -a -u 198.51.100.1:53 -r 127.0.0.1:53 -g -w 1 fallback
11: -A -t [2001:db8::1]:80 -s sh -b sh-port
12: -a -t [2001:db8::1]:80 -r [fd00::1]:80 -m -w 1
16: -A -f 7 -6 -s wrr
17: -a -f 7 -6 -r [fd00::1]:80 -m -w 1 off
6: finding: the check of real servers (checktype = connect) is not part of a spec
15: finding: fallbackcommand runs "/bin/x": what it does to rules and services is not compared
11: finding: the check of real servers (checktype = negotiate) is not part of a spec
18: finding: the real servers are off: with checktype = off, ldirectord adds none
5: finding: the fallback server of -t 198.51.100.1:80 is not part of a spec: lvsmark does not check real servers
19: finding: the fallback server of -u 198.51.100.1:53 is not part of a spec: lvsmark does not check real servers
17: finding: real server fd00::1 of mark 7 has port 80: packets to each marked port arrive at this one; 0 keeps the client's port
`},
		"not understood": {`virtual=www.example.com:80
	real=10.0.0.1:80 gate
virtual=198.51.100.1
virtual=[2001:db8::1]:80
virtual=198.51.100.1:80
	checktype=on
	imaginary=1
	real6=[fd00::1]:80 gate
	real=10.0.0.1:80
	real=10.0.0.1:80 route
	real=10.0.0.1-10.0.0.9:80 gate
	real=10.0.0.1:80 gate 1 2
	protocol=fwm
	scheduler=wlc,rr extra
	fallback=
	word

	real=10.0.0.1:80 gate
imaginary=1
virtual=198.51.100.1:80
	persistent=x
	checktype=on
`, `5: -A -t 198.51.100.1:80 -s wlc
1: not understood: the virtual service is not ADDRESS:PORT, or MARK, or [ADDRESS]:PORT of virtual6; names are not looked up
3: not understood: the virtual service is not ADDRESS:PORT, or MARK, or [ADDRESS]:PORT of virtual6; names are not looked up
4: not understood: the virtual service is not ADDRESS:PORT, or MARK, or [ADDRESS]:PORT of virtual6; names are not looked up
7: not understood: imaginary is unknown in a virtual service
8: not understood: real6 is unknown in a virtual service
13: not understood: protocol "fwm" does not fit the service
16: not understood: the line has no =
9: not understood: the real server is not ADDRESS[->LAST][:PORT] gate|masq|ipip [WEIGHT]; names are not looked up
10: not understood: the real server is not ADDRESS[->LAST][:PORT] gate|masq|ipip [WEIGHT]; names are not looked up
11: not understood: the real server is not ADDRESS[->LAST][:PORT] gate|masq|ipip [WEIGHT]; names are not looked up
12: not understood: the real server is not ADDRESS[->LAST][:PORT] gate|masq|ipip [WEIGHT]; names are not looked up
18: not understood: real is unknown; settings of a virtual service follow it without an empty line, and are indented by four spaces
19: not understood: imaginary is unknown; settings of a virtual service follow it without an empty line, and are indented by four spaces
21: not understood: ldirectord does not start with this line: "x" is not a value of persistent
20: not understood: there is another virtual service of this address, protocol and port, or mark
15: not understood: the fallback server is not ADDRESS[:PORT] [gate|masq|ipip]; names are not looked up
`},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := ldirectord.Read("f", test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, dump.Config(c))
		})
	}
}

// TestRefused has lines that ldirectord 4.12 refuses when it starts, so that it loads nothing, and
// lines that it takes.
func TestRefused(t *testing.T) {
	const service = "virtual=21\n\treal=10.0.0.11 masq\n\tchecktype=on\n"
	for line, refused := range map[string]bool{
		"quiescent=yes":             false,
		"quiescent=yes # comment":   true,
		"quiescent=yes\r":           true,
		"autoreload = yes ":         true,
		"supervised":                false,
		"supervised=maybe":          true,
		"checkinterval=":            true,
		"checktimeout=0":            true,
		"checktimeout=3 # seconds":  false,
		"checktimeout=10s\r":        false,
		"logfile=local0":            true,
		"callback=\"/bin/true\"":    false,
		"fallback=127.0.0.1 # c":    true,
		"fallback=x 127.0.0.1":      true,
		"fallback=x 127.0.0.1 masq": false,
		"connecttimeout=3":          true,
	} {
		assertRefused(t, line+"\n"+service, refused)
	}
	for line, refused := range map[string]bool{
		"\tquiescent=no":              false,
		"\tquiescent=no # comment":    true,
		"\tops=maybe":                 true,
		"\tchecktype=foo":             true,
		"\tchecktype=3":               false,
		"\tchecktype=external-perl":   false,
		"\tservice=gopher":            true,
		"\tservice=ftp # comment":     false,
		"\tservice=ftps":              true,
		"\tscheduler=WLC":             true,
		"\tpersistent=":               true,
		"\tpersistent=600s":           false,
		"\tnetmask=24":                true,
		"\tnetmask=255.255.255.0":     false,
		"\tnetmask=255.255.255.0 # c": true,
		"\tnetmask=255.255.255.0\r":   true,
		"\tcheckport=0":               true,
		"\trequest=index.html":        true,
		"\tlogin=\"\"":                true,
		"\thttpmethod=POST":           true,
		"\t":                          false,
		"    ":                        false,
		"        ":                    true,
		"\t\r":                        true,
		"\r":                          false,
		"        # comment":           false,
	} {
		assertRefused(t, service+line+"\n", refused)
	}
	six := "virtual6=21\n\treal6=[fd00::11] masq\n\tpersistent=5\n\tnetmask="
	for length, refused := range map[string]bool{"1": false, "64": false, "128": false, "0": true, "129": true, "255.0.0.0": true} {
		assertRefused(t, six+length+"\n", refused)
	}
	assertRefused(t, "virtual6=21\n\treal6=[fd00::11] masq\n\tfallback6=[::1]\n", false)
}

func assertRefused(t *testing.T, text string, refused bool) {
	t.Helper()
	c, err := ldirectord.Read("f", text)
	require.NoError(t, err)
	assert.Equal(t, refused, len(c.NotUnderstood) > 0, "%q: %v", text, c.NotUnderstood)
}

// TestTaken: ldirectord takes the first number or word of some values.
func TestTaken(t *testing.T) {
	c, err := ldirectord.Read("f", "virtual=21\n\treal=10.0.0.11 masq\n\tchecktype=on\n\tscheduler=wlc (default)\n\tpersistent=600 seconds\n")
	require.NoError(t, err)
	assert.Equal(t, "1: -A -f 21 -s wlc -p 600\n2: -a -f 21 -r 10.0.0.11:0 -m -w 1\n", dump.Config(c))
}

func TestRecognises(t *testing.T) {
	assert.True(t, ldirectord.Recognises("# x\nquiescent=no\nvirtual = 5\n"))
	assert.True(t, ldirectord.Recognises("virtual6=[::1]:80"))
	assert.False(t, ldirectord.Recognises("virtual_server 198.51.100.1 80 {\n"))
	assert.False(t, ldirectord.Recognises("#!/bin/sh\nvirtual=198.51.100.1:80\n"))
	assert.False(t, ldirectord.Recognises("virtual FTP {\n active = 1\n"))
}

// TestRealServers has lines of real servers and what ldirectord 4.12 makes of them: empty if it
// refuses the line. It searches for each part of the line, and skips what is ahead of it.
func TestRealServers(t *testing.T) {
	for real, want := range map[string]string{
		"masq x 5":                         "-m -w 5",
		"masq x":                           "",
		"masq5":                            "",
		"masq 5x":                          "",
		"masq 5 x":                         "",
		"masq 5 6":                         "",
		"masq, 5":                          "-m -w 5",
		"(masq) 5":                         "-m -w 5",
		"weight masq 5":                    "",
		"gate weight=2 3":                  "-g -w 3",
		"ipip\v7":                          "-i -w 7",
		"masq -5":                          "",
		"masq w u:5":                       "-m -w 1 -x 5",
		"masq 2 ignored l:5 ignored u:10 ": "-m -w 2 -x 10 -y 5",
		"masq u:10 l:0":                    "-m -w 1",
		"masq l:5u:10":                     "",
		"masq u:10 5":                      "-m -w 5",
		`masq 3 "GET 7", "x"`:              "-m -w 3",
		`masq "GET 7", "x"`:                "",
		`masq "x", "y" 4`:                  "-m -w 4",
		`masq x "a", "b" u:2`:              "-m -w 1 -x 2",
		`masq 5 "a" "b"`:                   "-m -w 5",
		`masq 5 "a"`:                       "",
		`masq 5"a","b"`:                    "",
		"masq 5\u00a0":                     "",
	} {
		c, err := ldirectord.Read("f", "virtual=21\n\treal=10.0.0.11 "+real+"\n\tchecktype=on\n")
		require.NoError(t, err)
		got, _ := strings.CutPrefix(dump.Config(c), "1: -A -f 21 -s wrr\n2: -a -f 21 -r 10.0.0.11:0 ")
		got, _, _ = strings.Cut(got, " --tun-type")
		if want == "" {
			assert.Contains(t, got, "2: not understood: the real server is not", real)
			continue
		}
		assert.Equal(t, want, strings.TrimSuffix(got, "\n"), real)
	}
}

// TestRanges has the first and last address of ranges, and the real servers that
// add_real_server_range of ldirectord 4.12 adds: it compares addresses as texts of decimal numbers.
// The texts get longer at 5.245.225.0 (100000000) and 59.154.202.0 (1000000000).
func TestRanges(t *testing.T) {
	for servers, want := range map[string]string{
		"10.0.0.1->10.0.0.3":               "10.0.0.1 10.0.0.2 10.0.0.3",
		"10.0.0.1->10.0.0.1":               "10.0.0.1",
		"59.154.202.0->59.154.202.1":       "59.154.202.0 59.154.202.1",
		"59.154.201.255->59.154.202.1":     "adds 0 of the 3",
		"5.245.224.255->5.245.225.3":       "adds 0 of the 5",
		"5.245.225.0->59.154.202.25":       "5.245.225.0 5.245.225.1 5.245.225.2 adds 3 of the 900000026",
		"5.245.225.3->59.154.202.50":       "5.245.225.3 5.245.225.4 5.245.225.5 adds 3 of the 900000048",
		"0.152.150.129->5.245.225.20":      "0.152.150.129 0.152.150.130 adds 2 of the 90000020",
		"0.0.0.0->0.0.0.255":               "0.0.0.0 0.0.0.1 0.0.0.2 adds 3 of the 256",
		"255.255.255.254->255.255.255.255": "255.255.255.254 255.255.255.255",
		"59.154.201.254->59.154.201.255":   "more than 65536 real servers",
		"10.0.0.0->10.1.0.0":               "more than 65536 real servers",
		"10.0.0.3->10.0.0.1":               "the real server is not",
	} {
		c, err := ldirectord.Read("f", "virtual=21\n\treal="+servers+" masq\n\tchecktype=on\n")
		require.NoError(t, err)
		require.Len(t, c.Services, 1, servers)
		var got []string
		for _, s := range c.Services[0].RealServers {
			got = append(got, s.Address.String())
		}
		for _, f := range c.Findings {
			got = append(got, regexp.MustCompile(`adds \d+ of the \d+`).FindString(f.Message))
		}
		for _, u := range c.NotUnderstood {
			got = append(got, u.Message)
		}
		assert.Contains(t, strings.Join(got, " "), want, servers)
		assert.Equal(t, strings.Contains(want, " real server"), len(c.NotUnderstood) == 1, servers)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("virtual=21\n\treal=10.0.0.1->10.0.0.9:0 masq 5 \"a\",\"b\" l:1\n\tscheduler=rr\nfallback=127.0.0.1:80 gate\n")
	f.Add("virtual6=[::1]:80\n    real6=[::2] gate\n    persistent=1\n    netmask=64\n    ops=yes\n")
	f.Fuzz(func(t *testing.T, text string) {
		ldirectord.Recognises(text)
		_, err := ldirectord.Read("f", text)
		require.NoError(t, err)
	})
}
