package ipvsadm_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/daemon"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestAgainstIpvsadm runs random commands with ipvsadm, and with Run. What ipvsadm then
// saves must be the services of the state: flag-3 of sh and mh is left out, which ipvsadm 1.31
// does not save. A command that Run does not understand must be
// one that ipvsadm refuses.
func TestAgainstIpvsadm(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ip", "ipvsadm")
	for seed := range uint64(12) {
		scratch.Do(t, func() {
			scratch.Run(t, "", "ip", "link", "set", "lo", "up")
			random := rand.New(rand.NewPCG(seed, 21))
			state := ipvsadm.NewState()
			var done strings.Builder
			for i := range 25 {
				words := randomCommand(random)
				fmt.Fprintln(&done, strings.Join(words, " "))
				output, err := exec.CommandContext(t.Context(), "ipvsadm", words...).CombinedOutput()
				before := len(state.Config().NotUnderstood)
				state.Run(words, oldconfig.Line{Number: i + 1})
				if len(state.Config().NotUnderstood) > before {
					assert.Error(t, err, "ipvsadm accepts %q: %s", words, output)
				}
			}
			saved := scratch.Run(t, "", "ipvsadm", "-Sn")
			assert.Equal(t, daemon.Saved(saved), daemon.Saved(dump.Services(state.Config())), "seed %d\n%s", seed, &done)

			again, err := ipvsadm.Read("saved", saved)
			require.NoError(t, err)
			assert.Empty(t, again.NotUnderstood)
			assert.Equal(t, daemon.Saved(saved), daemon.Saved(dump.Services(again)))
		})
	}
}

func pick(r *rand.Rand, choices ...string) []string {
	return strings.Fields(choices[r.IntN(len(choices))])
}

func randomCommand(r *rand.Rand) []string {
	key := pick(r, "-f 21", "-f 21 -6", "-t 198.51.100.1:21", "-t 198.51.100.1", "-u 198.51.100.1:53", "-t [2001:db8::1]:80",
		"--sctp-service 198.51.100.1:2905", "-f21", "-t 198.51.100.1:ftp", "-f 0", "-t 198.51.100.1:70000")
	server := pick(r, "-r 10.0.0.1", "-r 10.0.0.1:0", "-r 10.0.0.1:8021", "-r 10.0.0.2:21", "-r [fd00::1]:80", "-r fd00::2", "-r 10.0.0.2:ftp")
	verb := pick(r, "-A", "-A", "-A", "-E", "-D", "-a", "-a", "-a", "-a", "-e", "-d", "-C", "--add-service", "--add-server")
	if r.IntN(4) > 0 && verb[0] == "-C" {
		verb = []string{"-A"}
	}
	words := slices.Concat(verb, key)
	switch verb[0] {
	case "-C":
		return verb
	case "-D":
		return words
	case "-A", "-E", "--add-service":
		for _, option := range [][]string{
			pick(r, "", "-s rr", "-s wlc", "-s sh", "-s mh", "--scheduler=sed"),
			pick(r, "", "", "-p", "-p 60", "-p300", "--persistent", "--persistent=77", "-p 0", "-p 2678401"),
			pick(r, "", "", "-M 255.255.255.0", "-M 255.255.0.255", "-M 64", "-M 0.0.0.0", "-M 129"),
			pick(r, "", "", "", "-o", "-b sh-port", "-b sh-fallback,sh-port", "-b mh-port", "-b flag-1,flag-2", "-b x"),
		} {
			words = append(words, option...)
		}
		return words
	}
	words = append(words, server...)
	if verb[0] == "-d" {
		return words
	}
	return slices.Concat(words,
		pick(r, "", "-m", "-g", "-i", "-m", "-i --tun-type gre", "-i --tun-type gue --tun-port 6080", "-i --tun-type gue", "-i --tun-type gre --tun-csum",
			"-i --tun-type gue --tun-port 6080 --tun-remcsum", "-i --tun-csum", "-m --tun-type gre", "--ipip", "-i --tun-type ipip --tun-port 6080"),
		pick(r, "", "-w 0", "-w 5", "-w65535", "-w 65536", "-w -1", "-w 100000"),
		pick(r, "", "", "-x 10 -y 5", "-x 5 -y 10", "-x -1"))
}
