package services

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A size is the number of clusters, with one VIP each, and of real servers per cluster.
type size struct{ clusters, servers int }

func (s size) String() string {
	if s.clusters < 1_000 {
		return fmt.Sprintf("%d × %d", s.clusters, s.servers)
	}
	return fmt.Sprintf("%d,%03d × %d", s.clusters/1_000, s.clusters%1_000, s.servers)
}

// A site is a spec of FTP clusters, and the same services for ipvsadm.
type site struct {
	size
	want     []ipvs.VirtualService
	yaml     string // file of the spec
	restored string // file with the output of `lvsmark render ipvsadm`
}

// newSite returns a site and writes its files.
func newSite(directory string, size size) (*site, error) {
	text := size.text()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	s := &site{
		size:     size,
		want:     ipvs.Compile(spec),
		yaml:     filepath.Join(directory, "spec.yaml"),
		restored: filepath.Join(directory, "services"),
	}
	return s, errors.Join(
		os.WriteFile(s.yaml, []byte(text), 0o644),
		os.WriteFile(s.restored, []byte(ipvs.Text(s.want)), 0o644),
	)
}

// text returns the spec. No two clusters share a VIP or a real server.
func (s size) text() string {
	var b strings.Builder
	vip, server := netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("10.0.0.1")
	b.WriteString("clusters:\n")
	for i := range s.clusters {
		fmt.Fprintf(&b, "  - name: ftp%d\n    mark: %d\n    vips: [%s]\n    ftp: {passive-ports: 10000-20000}\n    real-servers:\n", i, i+1, vip)
		vip = vip.Next()
		for j := range s.servers {
			fmt.Fprintf(&b, "      - {name: rs%d, address: %s}\n", j+1, server)
			server = server.Next()
		}
	}
	return b.String()
}
