package nft

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// FuzzDecode: decoding any bytes, and printing the result, does not panic. Decoded objects
// can be encoded.
func FuzzDecode(f *testing.F) {
	for _, spec := range []*config.Spec{fuzzSpec(IPv4), fuzzSpec(IPv6)} {
		for _, m := range createAll(Compile(spec)) {
			f.Add(m.data)
		}
	}
	tables := []*Table{Compile(fuzzSpec(IPv4)).Tables[0], Compile(fuzzSpec(IPv6)).Tables[0]}
	f.Fuzz(func(t *testing.T, b []byte) {
		if table, err := decodeTable(IPv4, b); err == nil {
			table.newTable()
		}
		for _, flags := range []uint32{0, unix.NFT_SET_MAP, unix.NFT_SET_INTERVAL | unix.NFT_SET_MAP} {
			if _, s, err := decodeSet(b); err == nil {
				s.Flags |= flags
				_ = decodeElements(s, b)
				sortElements(s)
				table := &Table{Family: IPv6, Sets: []*Set{s}}
				_ = (&Ruleset{Tables: []*Table{table}}).String()
				table.ledger()
				s.AddressRanges()
				for _, c := range table.changes(nil, Add) {
					_ = c.Where() + c.Kind() + c.AfterText()
					_, _ = c.After.VIPEntry()
				}
				createTable(table)
			}
		}
		if _, c, err := decodeChain(b); err == nil {
			_ = c.header()
		}
		if _, _, r, err := decodeRule(b); err == nil {
			_ = r.Text(IPv4)
			_ = r.Text(IPv6)
			for _, table := range tables {
				_, _ = table.MarkRule(r)
				_, _ = table.GotoRule(r)
				_, _ = table.ProtocolRule(r)
				_, _ = table.TranslationRule(r)
				_, _ = table.SourceNATRule(r)
				_ = table.identity(r)
			}
		}
		for _, kind := range []string{"object", flowtable} {
			if _, s, err := decodeUnmanaged(kind, b); err == nil {
				(&Table{Family: IPv4}).delUnmanaged(s)
			}
		}
	})
}

func fuzzSpec(family Family) *config.Spec {
	vip, server := "192.0.2.1", "10.0.0.1"
	if family == IPv6 {
		vip, server = "2001:db8::1", "fd00::1"
	}
	spec, _, err := config.Parse("spec.yaml", strings.NewReader("{clusters: [{name: a, mark: 5, vips: [\""+vip+"\"], ftp: {active-data: {translate: snat}}, real-servers: [{address: \""+server+"\"}]}]}"))
	if err != nil {
		panic(err)
	}
	return spec
}
