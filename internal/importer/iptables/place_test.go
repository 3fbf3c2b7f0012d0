package iptables

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestPlaces: targets in each table and chain are refused where Linux 6.18 refuses them
// (iptables-legacy-restore 1.8.9).
func TestPlaces(t *testing.T) {
	chains := map[string]string{
		"mangle": "PREROUTING INPUT FORWARD OUTPUT POSTROUTING", "raw": "PREROUTING OUTPUT",
		"nat": "PREROUTING INPUT OUTPUT POSTROUTING", "filter": "INPUT FORWARD OUTPUT",
	}
	all := "mangle:PREROUTING mangle:INPUT mangle:FORWARD mangle:OUTPUT mangle:POSTROUTING"
	for target, accepted := range map[string]string{
		"REJECT":                                     "filter:INPUT filter:FORWARD filter:OUTPUT",
		"CLASSIFY --set-class 1:2":                   "mangle:FORWARD mangle:OUTPUT mangle:POSTROUTING raw:OUTPUT nat:OUTPUT nat:POSTROUTING filter:FORWARD filter:OUTPUT",
		"TOS --set-tos 8":                            all,
		"TTL --ttl-set 4":                            all,
		"DSCP --set-dscp 4":                          all,
		"CHECKSUM --checksum-fill":                   all,
		"SNAT --to-source 192.0.2.1":                 "nat:INPUT nat:POSTROUTING",
		"DNAT --to 192.0.2.1":                        "nat:PREROUTING nat:OUTPUT",
		"MASQUERADE":                                 "nat:POSTROUTING",
		"REDIRECT":                                   "nat:PREROUTING nat:OUTPUT",
		"SET --map-set s dst --map-mark":             all,
		"SET --map-set s dst --map-mark --map-queue": "mangle:FORWARD mangle:OUTPUT mangle:POSTROUTING",
		"SET --map-set s dst --map-prio":             "mangle:FORWARD mangle:OUTPUT mangle:POSTROUTING",
		"-p tcp --syn -j TCPMSS --clamp-mss-to-pmtu": "mangle:FORWARD mangle:OUTPUT mangle:POSTROUTING raw:OUTPUT nat:OUTPUT nat:POSTROUTING filter:FORWARD filter:OUTPUT",
		"CT --notrack":                               "raw:PREROUTING raw:OUTPUT",
	} {
		for table, names := range chains {
			for name := range strings.FieldsSeq(names) {
				r := New()
				if !strings.Contains(target, "-j ") {
					target = "-j " + target
				}
				r.Command("iptables", Words(append([]string{"-t", table, "-A", name}, strings.Fields(target)...)...), oldconfig.Line{})
				refused := false
				for _, remark := range r.Config().NotUnderstood {
					refused = refused || strings.Contains(remark.Message, "the kernel refuses the target")
				}
				isAccepted := strings.Contains(" "+accepted+" ", " "+table+":"+name+" ")
				assert.Equal(t, !isAccepted, refused, "%s in %s, %s", target, table, name)
			}
		}
	}
}

// TestTableInRestore: iptables-restore refuses -t, also with the name of the table.
func TestTableInRestore(t *testing.T) {
	for _, option := range []string{"-t mangle", "-tmangle", "--table=mangle", "--table mangle"} {
		config, err := ReadSave("x", "*mangle\n"+option+" -A PREROUTING -j MARK --set-mark 1\nCOMMIT\n")
		assert.NoError(t, err)
		if assert.Len(t, config.NotUnderstood, 1, option) {
			assert.Contains(t, config.NotUnderstood[0].Message, "iptables-restore refuses the option -t")
		}
	}
}
