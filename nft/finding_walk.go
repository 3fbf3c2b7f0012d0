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

// A hookPoint is a base chain of another program that packets meet before IPVS
// takes them.
type hookPoint struct {
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

// hookPoints are the base chains of the table on the way to IPVS.
func (t *foreignTable) hookPoints() []hookPoint {
	var list []hookPoint
	for _, c := range t.chains {
		if at, ok := hookPointOf(c); ok {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b hookPoint) int { return cmp.Compare(a.chain.Name, b.chain.Name) })
	return list
}

func hookPointOf(c *foreignChain) (hookPoint, bool) {
	const netdevIngress, inetIngress = 0, 5
	if c.Type == "" {
		return hookPoint{}, false
	}
	switch c.table.family {
	case Netdev:
		return hookPoint{c, beforeMarks}, c.Hook == netdevIngress
	case Inet, IPv4, IPv6:
	default:
		return hookPoint{}, false
	}
	switch {
	case c.Hook == inetIngress:
		return hookPoint{c, beforeMarks}, true
	case c.Hook == HookPrerouting:
		return hookPoint{c, prerouting(c)}, true
	case c.Hook == unix.NF_INET_LOCAL_IN && c.Type != "nat":
		return hookPoint{c, behindMarks}, c.Priority <= priorityIPVS
	}
	return hookPoint{}, false
}

func prerouting(c *foreignChain) side {
	priority := c.Priority
	if c.Type == "nat" {
		priority = priorityNATDst
	}
	switch {
	case priority < PriorityMangle:
		return beforeMarks
	case priority == PriorityMangle:
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
	conn      *Conn
	packets   *packets
	hookPoint hookPoint
	findings  map[finding]*Finding
	order     []*Finding
	memos     map[*foreignChain][]memo
	steps     int
	limit     int // of steps
	depth     int
	err       error
}

// A memo of packets through a chain. That chains are jumped to from many
// rules, and these from many, must not multiply.
type memo struct {
	parts, through []part
	conditions     []string
}

func newWalk(c *Conn, p *packets, limit int) *walk {
	return &walk{conn: c, packets: p, findings: map[finding]*Finding{}, limit: limit}
}

func (w *walk) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// spent reports whether the walk has to end.
func (w *walk) spent() bool { return w.err != nil || w.steps > w.limit }

// visit follows the packets through one base chain.
func (w *walk) visit(at hookPoint, all []part) {
	w.hookPoint, w.memos = at, map[*foreignChain][]memo{}
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
	const captured = 16
	for _, p := range w.memos[c] {
		w.steps++
		if slices.Equal(p.conditions, conditions) && slices.EqualFunc(p.parts, parts, part.equal) {
			return p.through
		}
	}
	through := w.chain(c, parts, conditions)
	if len(w.memos[c]) < captured {
		w.memos[c] = append(w.memos[c], memo{parts, through, conditions})
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
		switch kind := o.verdict; {
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
	verdict expr.VerdictKind
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
		if o.verdict == expr.VerdictBreak {
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
