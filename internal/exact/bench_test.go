package exact

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

const manyVIPs = 10_000

// recipe returns two rules for each VIP, as in shell scripts, and a service for each mark.
func recipe(marks int) Side {
	chain := &oldconfig.Chain{Family: 4, Table: "mangle", Name: "PREROUTING", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150}}
	for i := range manyVIPs {
		to := number(0x0a640000 + uint64(i))
		for _, ports := range []oldconfig.Range{single(21)[0], {Low: number(10000), High: number(20000)}} {
			chain.Rules = append(chain.Rules, &oldconfig.Rule{
				Matches: []oldconfig.Match{
					{Field: oldconfig.Protocol, In: single(6)},
					{Field: oldconfig.Destination, In: []oldconfig.Range{{Low: to, High: to}}},
					{Field: oldconfig.DestinationPort, In: []oldconfig.Range{ports}},
				},
				Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: uint32(1 + i%marks)}},
			})
		}
	}
	return Side{Chains: []*oldconfig.Chain{chain}, Services: manyServices(marks)}
}

func manyServices(marks int) []*oldconfig.Service {
	var list []*oldconfig.Service
	for i := range marks {
		d := ipvs.Destination{Address: netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), Weight: 1, Forwarding: config.NAT}
		list = append(list, &oldconfig.Service{
			Family: 4, Mark: uint32(1 + i), Scheduler: "wlc", Timeout: time.Minute, Netmask: 32,
			RealServers: []oldconfig.RealServer{{Destination: d}}, Line: oldconfig.Line{Text: fmt.Sprint("service ", i)},
		})
	}
	return list
}

// compiled returns the same as a map, as lvsmark has it.
func compiled(marks int) Side {
	var elements []oldconfig.MarkOf
	for i := range manyVIPs {
		to := number(0x0a640000 + uint64(i))
		elements = append(elements, oldconfig.MarkOf{Destination: oldconfig.Range{Low: to, High: to}, Mark: uint32(1 + i%marks)})
	}
	ports := []oldconfig.Range{single(21)[0], {Low: number(10000), High: number(20000)}}
	return Side{Services: manyServices(marks), Chains: []*oldconfig.Chain{{
		Family: 4, Table: "ip lvsmark", Name: "prerouting", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: -150},
		Rules: []*oldconfig.Rule{{
			Matches: []oldconfig.Match{{Field: oldconfig.Protocol, In: single(6)}, {Field: oldconfig.DestinationPort, In: ports}},
			Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, SetMarkByAddr: elements}},
		}},
	}}}
}

// BenchmarkManyVIPs compares 10,000 VIPs with 20,000 rules, with one mark for all and with a
// mark for each. It prints the memory that it allocates, which bounds what it needs.
func BenchmarkManyVIPs(b *testing.B) {
	for _, marks := range []int{1, 100, manyVIPs} {
		b.Run(fmt.Sprintf("marks=%d", marks), func(b *testing.B) {
			before, after := recipe(marks), compiled(marks)
			b.ReportAllocs()
			for b.Loop() {
				require.Empty(b, Compare(before, after, Scope{}))
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys>>20), "sys-MB")
		})
	}
}

// BenchmarkSourceNAT compares a translation by one rule with sets, as lvsmark has it, with a
// rule for each of 10,000 VIPs, or for each of 10,000 real servers.
func BenchmarkSourceNAT(b *testing.B) {
	for name, field := range map[string]oldconfig.Field{"VIPs": oldconfig.VirtualAddress, "servers": oldconfig.Destination} {
		b.Run(name, func(b *testing.B) {
			before, after := recipe(manyVIPs), compiled(manyVIPs)
			before.Tracking, after.Tracking = Tracked, Tracked
			base := &oldconfig.Base{Hook: oldconfig.Postrouting, Priority: 100, NAT: true}
			old := &oldconfig.Chain{Family: 4, Table: "nat", Name: "POSTROUTING", Base: base}
			var servers, marks []oldconfig.Range
			for i, s := range after.Services {
				at, mark := addressNumber(s.RealServers[0].Address), number(uint64(s.Mark))
				servers, marks = append(servers, oldconfig.Range{Low: at, High: at}), append(marks, oldconfig.Range{Low: mark, High: mark})
				if field == oldconfig.VirtualAddress {
					at = number(0x0a640000 + uint64(i))
				}
				old.Rules = append(old.Rules, translates(oldconfig.Match{Field: field, In: []oldconfig.Range{{Low: at, High: at}}}))
			}
			rule := translates(oldconfig.Match{Field: oldconfig.Mark, In: marks}, oldconfig.Match{Field: oldconfig.Destination, In: servers})
			before.Chains = append(before.Chains, old)
			after.Chains = append(after.Chains, &oldconfig.Chain{Family: 4, Table: "ip lvsmark", Name: "source_nat", Base: base, Rules: []*oldconfig.Rule{rule}})
			b.ReportAllocs()
			for b.Loop() {
				require.Empty(b, Compare(before, after, Scope{}))
			}
		})
	}
}

func translates(matches ...oldconfig.Match) *oldconfig.Rule {
	return &oldconfig.Rule{Matches: matches, Actions: []oldconfig.Action{{Kind: oldconfig.TranslateSource}}}
}
