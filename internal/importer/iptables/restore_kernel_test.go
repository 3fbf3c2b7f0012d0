package iptables

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// restoreTexts are inputs of iptables-restore, in which RULE is a rule. A line feed is a semicolon.
var restoreTexts = []string{
	"*mangle;RULE;COMMIT;",
	"*mangle ;:PREROUTING ACCEPT;  RULE;[1:2] RULE;COMMIT;",
	"*mangle;RULE;COMMIT",
	"*mangle;RULE;",
	"*mangle;RULE;*nat;COMMIT;",
	" *mangle;RULE;COMMIT;",
	"*mangle; :PREROUTING ACCEPT [0:0];RULE;COMMIT;",
	"*mangle; # remark;RULE;COMMIT;",
	"*mangle;  ;RULE;COMMIT;",
	"*mangle;RULE; COMMIT;",
	"*mangle;RULE;COMMIT ;",
	"*mangle; [1:2] RULE;COMMIT;",
	"*mangle;RULE;-D PREROUTING -p udp -j ACCEPT;COMMIT;",
	"*mangle;RULE;-C PREROUTING -p udp -j ACCEPT;COMMIT;",
	"*mangle;RULE;-D PREROUTING 2;COMMIT;",
	"*mangle;RULE;-R PREROUTING 2 -j ACCEPT;COMMIT;",
	"*mangle;RULE;-F x;COMMIT;",
	"*mangle;RULE;-Z x;COMMIT;",
	"*mangle;RULE;-L x;COMMIT;",
	"*mangle;:INPUT ACCEPT;:OUTPUT ACCEPT;RULE;-Z INPUT;-L OUTPUT;COMMIT;",
	"*mangle;RULE;-X x;COMMIT;",
	"*mangle;RULE;-X PREROUTING;COMMIT;",
	"*mangle;:x - [0:0];RULE;-A x -j ACCEPT;-X x;COMMIT;",
	"*mangle;:x - [0:0];RULE;-A PREROUTING -j x;-X x;COMMIT;",
	"*mangle;:x - [0:0];RULE;-A PREROUTING -j x;-X;COMMIT;",
	"*mangle;:x - [0:0];RULE;-A PREROUTING -j x;-D PREROUTING -j x;-X x;COMMIT;",
	"*mangle;:x - [0:0];-N x;RULE;COMMIT;",
	"*mangle;-N x;-N x;RULE;COMMIT;",
	"*mangle;-N INPUT;RULE;COMMIT;",
	"*mangle;-N MARK;RULE;COMMIT;",
	"*mangle;-N REJECT;RULE;COMMIT;",
	"*mangle;:MARK - [0:0];RULE;COMMIT;",
	"*mangle;:x - [0:0];:x - [0:0];RULE;COMMIT;",
	"*mangle;:x DROP [0:0];RULE;COMMIT;",
	"*mangle;:PREROUTING - [0:0];RULE;COMMIT;",
	"*mangle;:PREROUTING RETURN [0:0];RULE;COMMIT;",
	"*filter;:PREROUTING ACCEPT [0:0];COMMIT;*mangle;RULE;COMMIT;",
	"*mangle;:x - [0:0];RULE;-P x DROP;COMMIT;",
	"*mangle;:x - [0:0];RULE;-A x -j x;COMMIT;",
	"*mangle;:x - [0:0];RULE;-A x -j x;-A PREROUTING -j x;COMMIT;",
	"*mangle;:x - [0:0];:y - [0:0];RULE;-A x -p udp -j y;-A y -g x;-A PREROUTING -g y;COMMIT;",
	"*mangle;:x - [0:0];:y - [0:0];RULE;-A x -j y;-A PREROUTING -j y;-A PREROUTING -j x;COMMIT;",
	"*mangle;RULE;-A x -j ACCEPT;COMMIT;",
}

// TestRestoreAgrees: a text that both programs refuse has a line that is not understood, one that a
// program takes has none, and one that only one of them takes has a finding.
func TestRestoreAgrees(t *testing.T) {
	need.Root(t)
	need.Programs(t, "iptables-nft-restore", "iptables-legacy-restore")
	for _, text := range restoreTexts {
		input := strings.ReplaceAll(strings.ReplaceAll(text, ";", "\n"), "RULE", "-A PREROUTING -s 10.0.0.1/32 -j MARK --set-xmark 0x15/0xffffffff")
		taken := 0
		for _, program := range []string{"iptables-nft-restore", "iptables-legacy-restore"} {
			scratch.Do(t, func() {
				c := exec.CommandContext(t.Context(), program)
				c.Stdin = strings.NewReader(input)
				if c.Run() == nil {
					taken++
				}
			})
		}
		config, err := ReadSave("iptables", input)
		require.NoError(t, err)
		assert.Equal(t, taken == 0, len(config.NotUnderstood) > 0, "%s: %d take it\n%v", text, taken, config.NotUnderstood)
		assert.Equal(t, taken == 1, len(config.Findings) > 0, "%s: %d take it\n%v", text, taken, config.Findings)
	}
}

// TestListedChain: to list a chain that is not there fails, which scripts use to create it.
func TestListedChain(t *testing.T) {
	r := New()
	run := func(text string) bool {
		return r.Command("iptables", Words(strings.Fields(text)...), oldconfig.Line{Text: text})
	}
	assert.False(t, run("-t mangle -nL x"))
	assert.True(t, run("-t mangle -nL PREROUTING"))
	assert.True(t, run("-t mangle -N x"))
	assert.True(t, run("-t mangle -nL x"))
	assert.True(t, run("-t mangle -S"))
	assert.Zero(t, r.Lost())
}

// TestCompared: a script that deletes very many rules one by one ends, with a remark.
func TestCompared(t *testing.T) {
	r := New()
	run := func(text string) bool {
		return r.Command("iptables", Words(strings.Fields(text)...), oldconfig.Line{Text: text})
	}
	assert.True(t, run("-A INPUT -s 10.0.0.1 -j ACCEPT"))
	assert.True(t, run("-C INPUT -s 10.0.0.1 -j ACCEPT"))
	r.order[0].compared = maxRuleCompared
	for _, command := range []string{"-C INPUT -s 10.0.0.1 -j ACCEPT", "-D INPUT -s 10.0.0.1 -j ACCEPT"} {
		before := r.Lost()
		assert.False(t, run(command))
		assert.Equal(t, before+1, r.Lost(), command)
	}
}
