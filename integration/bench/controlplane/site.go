package controlplane

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
	"github.com/lvsmark/lvsmark/nft"
)

// A site is a spec of FTP clusters, and files of what it is for other programs.
type site struct {
	shape
	spec   *config.Spec
	yaml   string            // file of the spec
	nft    string            // file of what `lvsmark render nft` prints
	recipe string            // file of what `lvsmark render iptables` prints
	batch  string            // file of what `ip -batch` reads
	rules  int               // of the recipe: two for each VIP, and those of active data
	marks  map[string]uint32 // of each VIP
}

// A shape is how large a site is: its clusters, the VIPs of all of them together,
// and the real servers of each; whether lvsmark sees to it that the director
// forwards, which no program beside it does; whether all marks and real servers are
// others; and whether VIPs are put on a device.
type shape struct {
	clusters, vips, servers int
	forwards, others        bool
	onDevice                bool
}

func (s shape) String() string {
	if s.clusters == 1 {
		return measure.Count(s.vips, "VIP")
	}
	return measure.Count(s.vips, "VIP") + " in " + measure.Count(s.clusters, "cluster")
}

// firstVIP is where VIPs begin.
func firstVIP() netip.Addr { return netip.AddrFrom4([4]byte{10, 128, 0, 0}) }

// site writes the files.
func (b *bench) site(s shape) (*site, error) {
	made := &site{shape: s, marks: map[string]uint32{}}
	text := made.text()
	var err error
	if made.spec, _, err = config.Parse("spec.yaml", strings.NewReader(text)); err != nil {
		return nil, err
	}
	recipe := iptables.Text(made.spec)
	made.rules = strings.Count(recipe, "\n-A ")
	path := func(extension string) string {
		return filepath.Join(b.directory, fmt.Sprintf("%d-%d-%t-%t-%t.%s", s.vips, s.clusters, s.forwards, s.others, s.onDevice, extension))
	}
	made.yaml, made.nft, made.recipe, made.batch = path("yaml"), path("nft"), path("iptables"), path("ip")
	return made, errors.Join(
		os.WriteFile(made.yaml, []byte(text), 0o644),
		os.WriteFile(made.nft, []byte(nft.Compile(made.spec).String()), 0o644),
		os.WriteFile(made.recipe, []byte(recipe), 0o644),
		os.WriteFile(made.batch, []byte(made.ipBatch()), 0o644),
	)
}

// text writes the spec, and takes down the mark of each VIP.
func (s *site) text() string {
	var b strings.Builder
	b.WriteString("clusters:\n")
	vip, firstMark, network := firstVIP(), 1, 0
	if s.others {
		firstMark, network = 1_000_001, 64
	}
	for i := range s.clusters {
		mark := firstMark + i
		fmt.Fprintf(&b, "  - name: ftp%d\n    mark: %d\n    ftp: {passive-ports: 10000-20000}\n", i, mark)
		if s.onDevice {
			fmt.Fprintf(&b, "    vip-device: %s\n", device)
		}
		b.WriteString("    vips:\n")
		for range s.vips / s.clusters {
			fmt.Fprintf(&b, "      - %s\n", vip)
			s.marks[vip.String()] = uint32(mark)
			vip = vip.Next()
		}
		b.WriteString("    real-servers:\n")
		for j := range s.servers {
			fmt.Fprintf(&b, "      - {name: rs%d, address: 10.%d.%d.%d}\n", j+1, network+i>>8, i&0xff, j+1)
		}
	}
	fmt.Fprintf(&b, "director: {bind: false, ip-forward: %t}\n", s.forwards)
	return b.String()
}
