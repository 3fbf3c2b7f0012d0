package iptables

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestLaterSet: iptables refuses a rule whose set is created after it. The sets of another file,
// and those of a file with the output of iptables-save and ipset save, may be there before.
func TestLaterSet(t *testing.T) {
	for _, c := range []struct {
		rule []string
		file string // of the line that creates the set
		want string
	}{
		{[]string{"-m", "set", "--match-set", "s", "dst", "-j", "ACCEPT"}, "fw.sh", "its set is created in a later line, fw.sh:2"},
		{[]string{"-m", "set", "--match-se=s", "dst", "-j", "ACCEPT"}, "fw.sh", "its set is created in a later line, fw.sh:2"},
		{[]string{"-m", "set", "--set", "s", "dst", "-j", "ACCEPT"}, "fw.sh", "its set is created in a later line, fw.sh:2"},
		{[]string{"-j", "SET", "--map-set", "s", "src", "--map-mark"}, "fw.sh", "its set is created in a later line, fw.sh:2"},
		{[]string{"-m", "set", "--match-set", "s", "dst", "-j", "ACCEPT"}, "ipset.save", ""},
		{[]string{"-m", "set", "--match-set", "s", "dst", "-j", "ACCEPT"}, "both", ""}, // iptables-save, then ipset save
	} {
		r := New()
		if c.file == "both" {
			r.Save("both", "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING "+strings.Join(c.rule, " ")+"\nCOMMIT\n")
		} else {
			r.Command("iptables", Words(append([]string{"-t", "mangle", "-A", "PREROUTING"}, c.rule...)...), oldconfig.Line{File: "fw.sh", Number: 1})
		}
		r.Set(Words("create", "s", "hash:ip"), oldconfig.Line{File: c.file, Number: 2})
		remarks := r.Config().NotUnderstood
		if c.want == "" {
			assert.Empty(t, remarks, c)
			continue
		}
		if assert.NotEmpty(t, remarks, c) {
			assert.Contains(t, remarks[0].Message, c.want)
		}
	}
}
