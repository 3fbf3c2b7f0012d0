package dataplane

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A site with shards has one cluster, whose passive ports are cut into shards. The peers
// below are other ways to mark them; lvsmark sends the packets of a VIP to a chain by one
// lookup, where a map of intervals has the mark of the port.
const (
	shardRules   peer = "nft, a rule for each shard"
	shardMaps    peer = "nft, a map for each shard"
	shardNumbers peer = "nft, number of the shard, then VIP and number"
	shardMarks   peer = "nft, mark of the cluster, then of the shard"
	shardRanges  peer = "nft, VIP and ports in one map"
	shardPorts   peer = "nft, a hash of all ports"
	shardBlocks  peer = "nft, a hash of blocks of ports, then ranges"
	shardTuples  peer = "nft, protocol and ranges of ports in one map"
)

func shardPeers() []peer {
	return []peer{shardRules, shardMaps, shardNumbers, shardMarks, shardRanges, shardPorts, shardBlocks, shardTuples}
}

// maxShardElements limits the peers that have an element for each VIP and shard.
const maxShardElements = 200_000

func (s site) ofShards() string {
	if s.shards == 0 {
		return ""
	}
	return ", " + measure.Count(s.shards, "shard")
}

func (s site) shardWidth() int {
	low, high := s.passive(0)
	return (int(high) - int(low) + 1) / s.shards
}

// shardRange returns the ports of a shard; the last one has the rest.
func (s site) shardRange(i int) (low, high int) {
	first, last := s.passive(0)
	low = int(first) + i*s.shardWidth()
	if i == s.shards-1 {
		return low, int(last)
	}
	return low, low + s.shardWidth() - 1
}

// portBlock is the size of the blocks of shardBlocks.
const portBlock = 16

// toShard returns a packet to the middle of a shard.
func (s site) toShard(vip, shard int) equivalence.Packet {
	p := s.data(vip)
	low, high := s.shardRange(shard)
	p.Port = uint16(low + (high-low)/2)
	return p
}

func (s site) shardMark(i int) uint32 { return firstMark + 1 + uint32(i) }

// draw returns a random packet to a VIP; with shards, to a random port of a random one.
func (s site) draw(r *rand.Rand) equivalence.Packet {
	vip := r.IntN(s.vips)
	if s.shards == 0 {
		return s.data(vip)
	}
	shard := r.IntN(s.shards)
	p := s.toShard(vip, shard)
	low, high := s.shardRange(shard)
	p.Port = uint16(low + r.IntN(high-low+1))
	return p
}

// shardedMarks returns packets to each shard of some VIPs with their marks.
func (s site) shardedMarks() map[equivalence.Packet]uint32 {
	marks := map[equivalence.Packet]uint32{}
	for vip := 0; vip < s.vips; vip += 1 + s.vips/10 {
		for i := range s.shards {
			marks[s.toShard(vip, i)] = s.shardMark(i)
		}
	}
	return marks
}

// shardedSpec returns the site as a spec of lvsmark.
func (s site) shardedSpec() string {
	var vips, servers []string
	for i := range s.vips {
		vips = append(vips, s.vip(i).String())
	}
	for i := range s.shards {
		servers = append(servers, fmt.Sprintf("{address: 10.0.%d.%d}", i>>7, 11+i&127))
	}
	low, high := s.passive(0)
	return fmt.Sprintf(`clusters:
  - {name: c, mark: %d, vips: [%s], ftp: {passive-ports: %d-%d, passive-shards: %d, active-data: {translate: none}}, real-servers: [%s]}
director: {bind: false, ip-forward: false}
`, firstMark, strings.Join(vips, ", "), low, high, s.shards, strings.Join(servers, ", "))
}

// each joins a text for each number below n.
func each(n int, text func(i int) string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = text(i)
	}
	return strings.Join(texts, ", ")
}

// A shardTable is the sets and chains of a peer, and what its rule does with a data packet.
type shardTable struct{ sets, chains, data string }

// shardsText returns the rules of a peer.
func (p peer) shardsText(s site) string {
	t := map[peer]func() shardTable{
		shardRules: s.byRules, shardMaps: s.byMaps, shardNumbers: s.byNumbers, shardMarks: s.byMarks, shardRanges: s.byRanges,
		shardPorts: s.byPorts, shardBlocks: s.byBlocks, shardTuples: s.byTuples,
	}[p]()
	return fmt.Sprintf(`table ip sharded {
%s%s%schain marking {
	type filter hook prerouting priority %d; policy accept;
	ip protocol != tcp accept
	th dport %d meta mark set ip daddr map @cluster
	%s
}
}
`, s.vipMap("cluster", "mark", fmt.Sprint(firstMark)), t.sets, t.chains, mangle, controlPort, t.data)
}

// vipMap returns a map with the same value for each VIP.
func (s site) vipMap(name, kind, value string) string {
	return fmt.Sprintf("map %s { type ipv4_addr : %s; size %d; elements = { %s } }\n", name, kind, max(1024, 2*s.vips),
		each(s.vips, func(i int) string { return s.vip(i).String() + " : " + value }))
}

// portMap returns a map of intervals with a value for each shard.
func (s site) portMap(name, kind string, value func(int) string) string {
	return fmt.Sprintf("map %s { type inet_service : %s; flags interval; elements = { %s } }\n", name, kind,
		each(s.shards, func(i int) string { return s.shardPorts(i) + " : " + value(i) }))
}

func (s site) shardPorts(i int) string {
	low, high := s.shardRange(i)
	return fmt.Sprintf("%d-%d", low, high)
}

// passiveTest is the test for all passive ports.
func (s site) passiveTest() string {
	low, high := s.passive(0)
	return fmt.Sprintf("th dport %d-%d ", low, high)
}

func (s site) byRules() shardTable {
	return shardTable{s.vipMap("vips", "verdict", "goto shards"), "chain shards {\n" + lines(s.shards, func(i int) string {
		return fmt.Sprintf("th dport %s meta mark set %d accept", s.shardPorts(i), s.shardMark(i))
	}) + "}\n", "ip daddr vmap @vips"}
}

// chainOf sends packets to the chain of their shard.
func chainOf(i int) string { return fmt.Sprintf("goto shard%d", i) }

func (s site) byMaps() shardTable {
	return shardTable{
		lines(s.shards, func(i int) string { return s.vipMap(fmt.Sprintf("marks%d", i), "mark", fmt.Sprint(s.shardMark(i))) }) + s.portMap("shards", "verdict", chainOf),
		lines(s.shards, func(i int) string { return fmt.Sprintf("chain shard%d { meta mark set ip daddr map @marks%[1]d; }", i) }),
		s.passiveTest() + "th dport vmap @shards",
	}
}

func (s site) byNumbers() shardTable {
	pairs := each(s.vips*s.shards, func(n int) string {
		return fmt.Sprintf("%s . %d : %d", s.vip(n/s.shards), n%s.shards+1, s.shardMark(n%s.shards))
	})
	return shardTable{
		sets: s.portMap("numbers", "mark", func(i int) string { return fmt.Sprint(i + 1) }) +
			fmt.Sprintf("map marks { type ipv4_addr . mark : mark; size %d; elements = { %s } }\n", 2*s.vips*s.shards, pairs) +
			fmt.Sprintf("set vips { type ipv4_addr; size %d; elements = { %s } }\n", max(1024, 2*s.vips), each(s.vips, func(i int) string { return s.vip(i).String() })),
		data: "ip daddr @vips meta mark set th dport map @numbers meta mark set ip daddr . meta mark map @marks",
	}
}

func (s site) byMarks() shardTable {
	return shardTable{
		lines(s.shards, func(i int) string {
			return fmt.Sprintf("map marks%d { type mark : mark; size 1024; elements = { %d : %d } }", i, firstMark, s.shardMark(i))
		}) + s.portMap("shards", "verdict", chainOf),
		lines(s.shards, func(i int) string {
			return fmt.Sprintf("chain shard%d { meta mark set meta mark map @marks%[1]d; }", i)
		}),
		s.passiveTest() + "meta mark set ip daddr map @cluster th dport vmap @shards",
	}
}

// byPorts has an element for each port: the cost does not depend on the number of shards.
func (s site) byPorts() shardTable {
	ports := func(i int) string {
		low, high := s.shardRange(i)
		return each(high-low+1, func(n int) string { return fmt.Sprintf("%d : %d", low+n, s.shardMark(i)) })
	}
	return shardTable{
		s.vipMap("vips", "verdict", "goto shards") +
			fmt.Sprintf("map ports { type inet_service : mark; size 32768; elements = { %s } }\n", each(s.shards, ports)),
		"chain shards { meta mark set th dport map @ports; }\n", "ip daddr vmap @vips",
	}
}

// byBlocks has an element for each block of ports in one shard. The ranges are for the blocks
// in which one shard ends and the next begins.
func (s site) byBlocks() shardTable {
	var blocks []string
	for i := range s.shards {
		low, high := s.shardRange(i)
		for first := (low + portBlock - 1) / portBlock * portBlock; first+portBlock-1 <= high; first += portBlock {
			blocks = append(blocks, fmt.Sprintf("%d : %d", first, s.shardMark(i)))
		}
	}
	return shardTable{
		s.vipMap("vips", "verdict", "goto shards") +
			fmt.Sprintf("map blocks { type inet_service : mark; size 2048; elements = { %s } }\n", strings.Join(blocks, ", ")) +
			s.portMap("ranges", "mark", func(i int) string { return fmt.Sprint(s.shardMark(i)) }),
		fmt.Sprintf("chain shards { meta mark set th dport & %d map @blocks accept; meta mark set th dport map @ranges; }\n", 0x10000-portBlock),
		"ip daddr vmap @vips",
	}
}

// byTuples has ranges in a set of concatenations, which the kernel searches by bitmaps instead of
// a tree (nft_set_pipapo.c).
func (s site) byTuples() shardTable {
	return shardTable{
		s.vipMap("vips", "verdict", "goto shards") + fmt.Sprintf("map tuples { type inet_proto . inet_service : mark; flags interval; elements = { %s } }\n",
			each(s.shards, func(i int) string { return fmt.Sprintf("tcp . %s : %d", s.shardPorts(i), s.shardMark(i)) })),
		"chain shards { meta mark set meta l4proto . th dport map @tuples; }\n", "ip daddr vmap @vips",
	}
}

func (s site) byRanges() shardTable {
	pairs := each(s.vips*s.shards, func(n int) string {
		return fmt.Sprintf("%s . %s : %d", s.vip(n/s.shards), s.shardPorts(n%s.shards), s.shardMark(n%s.shards))
	})
	return shardTable{
		sets: fmt.Sprintf("map marks { type ipv4_addr . inet_service : mark; flags interval; elements = { %s } }\n", pairs),
		data: "meta mark set ip daddr . th dport map @marks",
	}
}

// lines returns a line for each number below n.
func lines(n int, text func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(text(i) + "\n")
	}
	return b.String()
}

// shardFigures returns the figures of shards: the cost by number of shards and VIPs, and beside
// other ways.
func (z sizes) shardFigures() []comparison {
	if z.family != config.IPv4 {
		return nil
	}
	counts, most := []int{2, 16, 128}, z.vips[len(z.vips)-1]
	one := cell{lvsmark, z.fewest(), toLast}
	var all []comparison
	for _, vips := range []int{1, most} {
		for _, n := range counts {
			c := cell{lvsmark, site{family: z.family, vips: vips, profiles: 1, shards: n}, toRandom}
			where := fmt.Sprintf("%s, %s", measure.Count(n, "shard"), measure.Count(vips, "VIP"))
			all = append(all, comparison{name: where + ": to one VIP without shards", of: c, to: one})
			for _, p := range shardPeers() {
				if p.takesElements() && vips*n > maxShardElements {
					continue
				}
				all = append(all, comparison{name: where + ": lvsmark to " + string(p), of: c, to: c.by(p)})
			}
		}
	}
	for _, vips := range []int{1, most} {
		s := site{family: z.family, vips: vips, profiles: 1}
		all = append(all, s.acrossShards("", cell{lvsmark, s, toRandom}, counts), s.acrossShards(", to one port", cell{lvsmark, s, toLast}, counts),
			s.acrossShards(", first-packet, other packets", cell{lvsmarkFirst, s, laterToRandom}, counts))
	}
	return all
}

// acrossShards compares the most shards with the fewest.
func (s site) acrossShards(name string, c cell, counts []int) comparison {
	few, most := counts[0], counts[len(counts)-1]
	return comparison{
		name: fmt.Sprintf("%d shards to %d, %s%s", most, few, measure.Count(s.vips, "VIP"), name),
		of:   c.at(s.with(most)), to: c.at(s.with(few)), bar: measure.AtMost(2),
	}
}

func (s site) with(shards int) site { s.shards = shards; return s }

// takesElements reports whether the peer has an element for each VIP and shard.
func (p peer) takesElements() bool { return p == shardMaps || p == shardNumbers || p == shardRanges }
