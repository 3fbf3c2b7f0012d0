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

// A site is a spec of FTP clusters, and files with the same for other programs.
type site struct {
	shape
	spec   *config.Spec
	yaml   string            // file of the spec
	nft    string            // file with the output of `lvsmark render nft`
	recipe string            // file with the output of `lvsmark render iptables`
	batch  string            // file for `ip -batch`
	rules  int               // number in the recipe: two for each VIP, and those of active data
	marks  map[string]uint32 // of each VIP
}

// A shape is the size of a site, and its variants.
type shape struct {
	clusters, vips int  // vips: of all clusters together
	servers        int  // per cluster
	forwards       bool // lvsmark enables ip-forward, which the other programs do not
	others         bool // other marks and real servers
	onDevice       bool // the VIPs are on a device
}

func (s shape) String() string {
	if s.clusters == 1 {
		return measure.Count(s.vips, "VIP")
	}
	return measure.Count(s.vips, "VIP") + " in " + measure.Count(s.clusters, "cluster")
}

// firstVIP returns the first VIP.
func firstVIP() netip.Addr { return netip.AddrFrom4([4]byte{10, 128, 0, 0}) }

// site returns a site and writes its files.
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

// text returns the spec, and records the mark of each VIP.
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
