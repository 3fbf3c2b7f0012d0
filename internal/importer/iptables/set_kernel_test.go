package iptables

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A setWriter writes random commands of ipset.
type setWriter struct{ *rand.Rand }

func (w setWriter) pick(from ...string) string { return from[w.IntN(len(from))] }

func (w setWriter) set() string { return w.pick("ip", "net", "pair", "port", "list", "new", "missing") }

func (w setWriter) element(of string) string {
	n := 1 + w.IntN(3)
	address, network := fmt.Sprint("10.0.0.", n), fmt.Sprintf("10.0.0.0/%d", 24+n)
	return map[string]string{
		"net": w.pick(network, network+" nomatch", address), "pair": address + "," + w.pick("21", "tcp:21", "udp:69", "ftp", "47:0"),
		"port": w.pick("21", "20", "ftp"), "list": w.pick("ip", "net", "new", "missing"),
	}[of]
}

func (w setWriter) command() string {
	name := w.set()
	element := w.element(name)
	if element == "" || w.IntN(12) == 0 {
		element = fmt.Sprint("10.0.0.", w.IntN(4))
	}
	exist := w.pick("", "", " -exist", " -!")
	switch w.IntN(14) {
	case 0:
		return w.pick("create ", "-N ") + w.pick("new hash:ip", "new hash:net", name+" hash:net") + exist
	case 1:
		return w.pick("flush", "-F", "flush "+name, "-F "+name)
	case 2:
		return w.pick("destroy ", "-X ") + w.pick("new", name)
	case 3:
		return w.pick("swap ", "-W ") + w.pick("ip new", "new ip", name+" "+w.set())
	case 4:
		return w.pick("rename ", "-E ") + w.pick("new other", "other new", name+" "+w.set())
	case 5, 6, 7:
		return w.pick("del ", "-D ") + name + " " + strings.TrimSuffix(element, " nomatch") + exist
	}
	return w.pick("add ", "-A ") + name + " " + element + exist
}

// TestSetCommandsAgree executes random commands with ipset too: each succeeds for both or for
// none, and ipset save then writes the elements that package iptables has.
func TestSetCommandsAgree(t *testing.T) {
	need.Programs(t, "ipset")
	count := map[bool]int{}
	for seed := range uint64(30) {
		w := setWriter{rand.New(rand.NewPCG(seed, 3))}
		scratch.Do(t, func() {
			r, script, unknown := New(), []string{}, false
			execute := func(text string) {
				args := strings.Fields(text)
				script = append(script, text)
				out, err := exec.Command("ipset", args...).CombinedOutput()
				ok := r.Set(Words(args...), oldconfig.Line{File: "f"})
				for _, s := range r.sets {
					unknown = unknown || s.unknown != "" // an element that lvsmark does not understand
				}
				if unknown {
					return
				}
				require.Equal(t, err == nil, ok, "seed %d: %s\n%s", seed, strings.Join(script, "\n"), out)
				count[ok]++
			}
			for _, kind := range []string{"ip hash:ip", "net hash:net", "pair hash:ip,port", "port bitmap:port range 0-65535", "list list:set"} {
				execute("create " + kind)
			}
			for n := 0; n < 25 && !unknown; n++ {
				execute(w.command())
			}
			if unknown {
				return
			}
			saved := New()
			saved.Save("f", scratch.Run(t, "", "ipset", "save"))
			assert.Equal(t, setsOf(saved), setsOf(r), "seed %d: %s", seed, strings.Join(script, "\n"))
		})
	}
	t.Log(count)
	assert.Greater(t, count[true], count[false])
	assert.NotZero(t, count[false])
}

// setsOf returns the elements of each set.
func setsOf(r *Ruleset) map[string][]string {
	all := map[string][]string{}
	for name, s := range r.sets {
		elements := []string{s.kind, s.unknown}
		for _, e := range s.all() {
			elements = append(elements, fmt.Sprint(e.key(), e.noMatch))
		}
		slices.Sort(elements[2:])
		all[name] = elements
	}
	return all
}
