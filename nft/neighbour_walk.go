package nft

import (
	"cmp"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// A side says whether packets meet a chain before or behind lvsmark's own.
type side int

const (
	beforeMarks side = iota
	besideMarks      // the same priority: the chain that was made last comes first
	behindMarks
)

// A station is a base chain of somebody else's that packets meet before IPVS
// takes them.
type station struct {
	chain *foreignChain
	side  side
}

// Priorities of linux/netfilter_ipv4.h and net/netfilter/ipvs/ip_vs_core.c. All
// chains of type nat run at those of NAT, and in the order of their own only
// among themselves.
const (
	priorityNATDst = -100
	priorityNATSrc = 100
	priorityIPVS   = priorityNATSrc - 1 // ip_vs_remote_request in the input hook
)

// stations are the base chains of the table on the way to IPVS.
func (t *foreignTable) stations() []station {
	var list []station
	for _, c := range t.chains {
		if at, ok := stationOf(c); ok {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b station) int { return cmp.Compare(a.chain.Name, b.chain.Name) })
	return list
}

func stationOf(c *foreignChain) (station, bool) {
	const netdevIngress, inetIngress = 0, 5
	if c.Type == "" {
		return station{}, false
	}
	switch c.table.family {
	case unix.NFPROTO_NETDEV:
		return station{c, beforeMarks}, c.Hook == netdevIngress
	case unix.NFPROTO_INET, unix.NFPROTO_IPV4, unix.NFPROTO_IPV6:
	default:
		return station{}, false
	}
	switch {
	case c.Hook == inetIngress:
		return station{c, beforeMarks}, true
	case c.Hook == unix.NF_INET_PRE_ROUTING:
		return station{c, prerouting(c)}, true
	case c.Hook == unix.NF_INET_LOCAL_IN && c.Type != "nat":
		return station{c, behindMarks}, c.Priority <= priorityIPVS
	}
	return station{}, false
}

func prerouting(c *foreignChain) side {
	priority := c.Priority
	if c.Type == "nat" {
		priority = priorityNATDst
	}
	switch {
	case priority < priorityMangle:
		return beforeMarks
	case priority == priorityMangle:
		return besideMarks
	}
	return behindMarks
}

// stepLimit bounds the work for one family, and depthLimit the jumps, of which
// the kernel takes 16.
const (
	stepLimit  = 5_000_000
	depthLimit = 32
)

// A walk follows the packets of one family through the chains of others.
type walk struct {
	conn     *Conn
	packets  *packets
	station  station
	findings map[finding]*Neighbour
	order    []*Neighbour
	passages map[*foreignChain][]passage
	steps    int
	limit    int // of steps
	depth    int
	err      error
}

// A passage of packets through a chain. That chains are jumped to from many
// rules, and these from many, must not multiply.
type passage struct {
	parts, through []part
	conditions     []string
}

func newWalk(c *Conn, p *packets, limit int) *walk {
	return &walk{conn: c, packets: p, findings: map[finding]*Neighbour{}, limit: limit}
}

func (w *walk) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// spent reports whether the walk has to end.
func (w *walk) spent() bool { return w.err != nil || w.steps > w.limit }

// visit follows the packets through one base chain.
func (w *walk) visit(at station, all []part) {
	w.station, w.passages = at, map[*foreignChain][]passage{}
	var conditions []string
	for _, device := range at.chain.devices {
		conditions = append(conditions, "device "+device)
	}
	through := w.chain(at.chain, all, conditions)
	if at.chain.Policy != verdictDrop {
		return
	}
	for _, p := range through {
		w.report(at.chain, nil, branch{part: p, unsure: conditions}, Drops)
	}
}

// pass is chain, but for packets that went there already under the same
// conditions.
func (w *walk) pass(c *foreignChain, parts []part, conditions []string) []part {
	const remembered = 16
	for _, p := range w.passages[c] {
		w.steps++
		if slices.Equal(p.conditions, conditions) && slices.EqualFunc(p.parts, parts, part.equal) {
			return p.through
		}
	}
	through := w.chain(c, parts, conditions)
	if len(w.passages[c]) < remembered {
		w.passages[c] = append(w.passages[c], passage{parts, through, conditions})
	}
	return through
}

// chain follows packets through a chain, and returns those that come back from
// it.
func (w *walk) chain(c *foreignChain, alive []part, conditions []string) []part {
	w.depth++
	defer func() { w.depth-- }()
	var back []part
	for _, r := range c.Rules {
		if len(alive) == 0 || w.spent() || w.depth > depthLimit {
			break
		}
		var returned []part
		alive, returned = w.rule(c, r, alive, conditions)
		back = append(back, returned...)
	}
	return append(back, alive...)
}

// rule follows packets through a rule: those that meet the next rule, and those
// that are done with the chain but not with the hook. Packets that the rule only
// may send elsewhere meet the next rule too.
func (w *walk) rule(c *foreignChain, r *Rule, alive []part, conditions []string) (next, returned []part) {
	next = alive
	for _, o := range together(w.follow(c, r, alive, conditions)) {
		sure := len(o.unsure) == len(conditions)
		if sure && (o.ends || o.lost) {
			next = withoutParts(next, o.parts)
		}
		through := o.parts
		if target := c.table.chains[o.chain]; o.ends && target != nil {
			through = w.pass(target, o.parts, o.unsure)
		}
		switch kind := expr.VerdictKind(o.verdict); {
		case !sure || !o.ends && !o.lost:
		case !o.ends || kind == expr.VerdictJump:
			next = append(slices.Clip(next), through...)
		case kind == expr.VerdictGoto:
			returned = append(returned, through...)
		case kind == expr.VerdictReturn:
			returned = append(returned, o.parts...)
		}
	}
	return next, returned
}

// A group is what outcomes of a rule have in common, and their parts.
type group struct {
	verdict int32
	chain   string
	ends    bool
	lost    bool // the mark
	unsure  []string
	parts   []part
}

// together groups outcomes, so that each chain is followed once.
func together(outcomes []outcome) []group {
	var groups []group
	for _, o := range outcomes {
		if expr.VerdictKind(o.verdict) == expr.VerdictBreak {
			o.verdict, o.ends = 0, false
		}
		i := slices.IndexFunc(groups, func(g group) bool {
			return g.verdict == o.verdict && g.chain == o.chain && g.ends == o.ends && g.lost == o.markLost && slices.Equal(g.unsure, o.unsure)
		})
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{o.verdict, o.chain, o.ends, o.markLost, o.unsure, nil})
		}
		groups[i].parts = append(groups[i].parts, o.part)
	}
	return groups
}
