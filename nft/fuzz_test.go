package nft

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// FuzzDecode feeds the decoders of dumps, and what prints their results, with
// what no kernel sends. Whatever they make of it, they must not panic, and what
// was decoded must encode again.
func FuzzDecode(f *testing.F) {
	for _, spec := range []*config.Spec{fuzzSpec(config.IPv4), fuzzSpec(config.IPv6)} {
		for _, m := range createAll(Compile(spec)) {
			f.Add(m.data)
		}
	}
	tables := []*Table{Compile(fuzzSpec(config.IPv4)).Tables[0], Compile(fuzzSpec(config.IPv6)).Tables[0]}
	f.Fuzz(func(t *testing.T, b []byte) {
		if table, err := decodeTable(config.IPv4, b); err == nil {
			table.newTable()
		}
		for _, flags := range []uint32{0, unix.NFT_SET_MAP, unix.NFT_SET_INTERVAL | unix.NFT_SET_MAP} {
			if _, s, err := decodeSet(b); err == nil {
				s.Flags |= flags
				_ = decodeElements(s, b)
				sortElements(s)
				table := &Table{Family: config.IPv6, Sets: []*Set{s}}
				_ = (&Ruleset{Tables: []*Table{table}}).String()
				table.ledger()
				createTable(table)
			}
		}
		if _, c, err := decodeChain(b); err == nil {
			_ = c.head()
		}
		if _, _, r, err := decodeRule(b); err == nil {
			_ = r.Text(config.IPv4)
			_ = r.Text(config.IPv6)
			for _, table := range tables {
				table.ruleKind(r)
				_ = table.identity(r)
			}
		}
		for _, kind := range []string{"object", flowtable} {
			if _, s, err := decodeUnmanaged(kind, b); err == nil {
				(&Table{Family: config.IPv4}).delUnmanaged(s)
			}
		}
	})
}

func fuzzSpec(family config.Family) *config.Spec {
	vip, server := "192.0.2.1", "10.0.0.1"
	if family == config.IPv6 {
		vip, server = "2001:db8::1", "fd00::1"
	}
	spec, _, err := config.Parse("spec.yaml", strings.NewReader("{clusters: [{name: a, mark: 5, vips: [\""+vip+"\"], ftp: {active-data: {translate: snat}}, real-servers: [{address: \""+server+"\"}]}]}"))
	if err != nil {
		panic(err)
	}
	return spec
}
