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

// oddCommands are commands that administrators mistype. Each is executed where the table has the chain
// a, and a rule that jumps there.
var oddCommands = []string{
	"-A PREROUTING -i eth0 -j a", "-A PREROUTING -ga", "-A PREROUTING --goto=a", "-A PREROUTING -mmark --mark 1 -j a",
	"-A PREROUTING --match=mark --mark=1 -j a", "-A PREROUTING ! -f -j a", "-A PREROUTING -c5 6 -j a", "-4 -A PREROUTING -j a",
	"-A PREROUTING -m comment --comment -6 -j a", "-A PREROUTING -i -6 -j a",
	"-4 -F PREROUTING", "-F PREROUTING", "-v -F PREROUTING", "-w -F PREROUTING", "-F", "-D PREROUTING 1", "-P PREROUTING DROP", "-N b",

	"-A PREROUTING -ieth0 -j a", "-A PREROUTING ! -ieth0 -j a", "-A PREROUTING -i=eth0 -j a", "-A PREROUTING --in=eth0 -j a",
	"-A PREROUTING -ptcp -j a", "-A PREROUTING --protocol=tcp -j a", "-A PREROUTING -s10.0.0.1 -j a", "-A PREROUTING --destination=10.0.0.1 -j a",
	"-A PREROUTING -jACCEPT", "-A PREROUTING -ja", "-A PREROUTING --jump=ACCEPT", "-A PREROUTING -j=ACCEPT",
	"-A PREROUTING -p tcp --dport ! 21 -j a", "-A PREROUTING -s ! 10.0.0.1 -j a", "-A PREROUTING -i ! eth0 -j a", "-A PREROUTING -p ! tcp -j a",
	"-A PREROUTING -m mark --mark ! 5 -j a", "-A PREROUTING -m mac --mac-source ! 02:00:00:00:00:02 -j a",
	"-A PREROUTING -p tcp --tcp-flags ! SYN,ACK SYN -j a", "-A PREROUTING -m state --state ! NEW -j a",
	"-A PREROUTING ! ! -p tcp -j a", "-A PREROUTING -p tcp -j a !", "-A PREROUTING ! -v -p tcp -j a", "! -A PREROUTING -p tcp -j a",
	"-A PREROUTING -n -j a", "-A PREROUTING -x -j a", "-A PREROUTING --line-numbers -j a", "-A PREROUTING -nv -j a",
	"-F PREROUTING -n", "-nF PREROUTING", "-F -x", "-N b -n", "-D PREROUTING 1 -n", "-P PREROUTING DROP --numeric",
	"-F PREROUTING -p tcp", "-F -i eth0", "-D PREROUTING 1 -p tcp", "-P PREROUTING DROP -j a", "-N b -p tcp", "-X a -p tcp", "-E a b -p tcp",
	`-F ""`, `-X ""`, `-N ""`, `"" -F`, `-F PREROUTING ""`, `-A "" -j a`, `-A PREROUTING "" -j a`, `-P "" DROP`, `-D "" 1`,
	"-F PREROUTING a", "-N b c", "-6 -A PREROUTING -j a", "-6 -F PREROUTING", "--ipv6 -P PREROUTING DROP", "-A PREROUTING -p tcp --syn -6 -j a",
}

// TestOddCommands: what iptables refuses is not read as done, and what it accepts becomes the rules that
// iptables-save writes, unless a remark names it.
func TestOddCommands(t *testing.T) {
	need.Programs(t, "iptables-nft", "iptables-nft-save")
	accepted := 0
	for _, text := range oddCommands {
		scratch.Do(t, func() {
			r := New()
			execute := func(text string) (accepts, reads bool) {
				words, ok := SplitWords("-t mangle " + text)
				require.True(t, ok)
				var args []string
				for _, w := range words {
					args = append(args, w.Text)
				}
				accepts = exec.Command("iptables-nft", args...).Run() == nil
				return accepts, r.Command("iptables", Words(args...), oldconfig.Line{File: "f"})
			}
			for _, prepared := range []string{"-N a", "-A PREROUTING -p udp -j a"} {
				accepts, reads := execute(prepared)
				require.True(t, accepts && reads, prepared)
			}
			accepts, reads := execute(text)
			c := r.Config()
			if len(c.NotUnderstood) > 0 {
				return
			}
			assert.Equal(t, accepts, reads, text)
			saved, err := ReadSave("f", scratch.Run(t, "", "iptables-nft-save"))
			require.NoError(t, err)
			assert.Equal(t, chainsOf(saved), chainsOf(c), text)
			if accepts {
				accepted++
			}
		})
	}
	assert.Equal(t, 18, accepted, "iptables and lvsmark agree on each command that is in use")
}

// TestLongLines: iptables-restore takes 251 words of a line.
func TestLongLines(t *testing.T) {
	need.Programs(t, "iptables-nft-restore")
	for words, accepted := range map[int]bool{251: true, 252: false} {
		text := "*mangle\n[0:0] -A PREROUTING" + strings.Repeat(" -4", words-4) + " -j ACCEPT\nCOMMIT\n"
		scratch.Do(t, func() {
			cmd := exec.Command("iptables-nft-restore")
			cmd.Stdin = strings.NewReader(text)
			assert.Equal(t, accepted, cmd.Run() == nil, words)
		})
		c, err := ReadSave("f", text)
		require.NoError(t, err)
		assert.Equal(t, accepted, len(c.NotUnderstood) == 0, words)
	}
}

// TestManyMatches: the time that a line takes grows with its length.
func TestManyMatches(t *testing.T) {
	const lines = 1000
	line := "-A PREROUTING" + strings.Repeat(" -m mark --mark 1", 60) + " -j ACCEPT\n"
	c, err := ReadSave("f", "*mangle\n"+strings.Repeat(line, lines)+"COMMIT\n")
	require.NoError(t, err)
	require.Len(t, c.Chains, 1)
	require.Len(t, c.Chains[0].Rules, lines)
	assert.Len(t, c.Chains[0].Rules[0].Matches, 60)

	c, err = ReadSave("f", "*mangle\n-A PREROUTING"+strings.Repeat(" -m mark --mark 1", 1<<16)+" -j ACCEPT\nCOMMIT\n")
	require.NoError(t, err)
	assert.Len(t, c.NotUnderstood, 1)
}
