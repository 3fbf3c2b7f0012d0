package iptables

import (
	"os/exec"
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
	"-F PREROUTING a", "-N b c", "-6 -A PREROUTING -j a", "-6 -F PREROUTING", "--ipv6 -P PREROUTING DROP",
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
				return accepts, r.Command("iptables", words, oldconfig.Line{File: "f"})
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
	assert.Equal(t, 16, accepted, "iptables and lvsmark agree on each command that is in use")
}
