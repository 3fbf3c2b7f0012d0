package status

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A Style selects the form of the text.
type Style struct {
	Totals  bool                       // totals in place of connections and rates
	Heading func(string) string        // colours a heading; nil: no colour
	Paint   func(State, string) string // colours a text by its state; nil: no colour
}

// Text returns a table of at most 80 columns for each cluster. It has a line for each real
// server: its numbers are sums over the services of the cluster.
func (r *Report) Text(style Style) string {
	var b strings.Builder
	b.Grow(lineWidth * r.lines())
	for i := range r.Clusters {
		r.Clusters[i].write(&b, style)
		b.WriteByte('\n')
	}
	r.writeFaults(&b)
	b.WriteString(broken(r.Differences.String(), " (", "\n  (") + "\n")
	return b.String()
}

// lineWidth is the length of most lines, with the line break.
const lineWidth = 81

// lines returns about the number of lines of the text, or more.
func (r *Report) lines() int {
	n := 1
	for i := range r.Clusters {
		n += 3
		for j := range r.Clusters[i].Services {
			n += len(r.Clusters[i].Services[j].RealServers)
		}
	}
	return n
}

// String returns "no difference", or the numbers and the command that lists the differences.
func (d Differences) String() string {
	if !d.Any() {
		return "no difference"
	}
	var parts []string
	for _, part := range []struct {
		n  int
		of string
	}{{d.Marks, "in nftables"}, {d.Services, "in IPVS"}, {d.Settings, "of settings"}, {d.Addresses, "of addresses"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.of))
		}
	}
	return "differences: " + strings.Join(parts, ", ") + " (`lvsmark diff` lists them)"
}

// specHas is between what the kernel has and what the spec has.
const specHas = "; the spec has "

// isDrifted is before what the kernel has of a service.
const isDrifted = string(Drifted) + ": "

// nameWidth is the width of the column of names. A longer name is a line of its own.
const nameWidth = 15

// columns are the headings after the name, with the width of each column.
type column struct {
	heading string
	width   int
}

func (s Style) columns() []column {
	if s.Totals {
		return []column{{"weight", 6}, {"conns", 8}, {"packets in", 10}, {"out", 8}, {"bytes in", 8}, {"out", 8}}
	}
	return []column{{"weight", 6}, {"active", 6}, {"inact", 5}, {"persist", 7}, {"conn/s", 6}, {"in/s", 5}, {"out/s", 5}, {"passive", 7}}
}

func (c *Cluster) write(b *strings.Builder, style Style) {
	heading, paint := style.Heading, style.Paint
	if heading == nil {
		heading = func(text string) string { return text }
	}
	if paint == nil {
		paint = func(_ State, text string) string { return text }
	}
	fmt.Fprintf(b, "%s %s\n", heading("cluster "+c.Name+":"), paint(c.State, string(c.State)))
	for _, s := range c.Services {
		if s.State != InSync && s.State != Unbound {
			writeDetail(b, fmt.Sprintf("fwmark %d %s: %s", s.Mark, s.Family, joinDetail(s.State, s.Detail)))
		}
	}
	columns := style.columns()
	cells := headings(columns)
	writeRow(b, "server", padded("state"), cells, columns)
	for _, r := range c.merged() {
		cells = r.appendCells(cells[:0], style)
		writeRow(b, r.name(), paint(r.State, padded(r.State)), cells, columns)
		if r.Detail != "" {
			writeDetail(b, printable.Line(r.Detail))
		}
	}
}

// writeDetail writes a detail: what the kernel has, and what the spec has, each on a line of its
// own if one is too short.
func writeDetail(b *strings.Builder, detail string) {
	const indent = "\n  #   "
	kernel, spec, both := strings.Cut(broken("  # "+detail, specHas, "\n"), "\n")
	b.WriteString(broken(kernel, isDrifted, isDrifted[:len(isDrifted)-1]+indent))
	if both {
		b.WriteString(";" + indent + specHas[len("; "):] + spec)
	}
	b.WriteByte('\n')
}

// broken replaces a separator in a line that is too long by one with a line break: a terminal
// breaks lines anywhere, and --watch does not count lines that it breaks.
func broken(line, separator, withBreak string) string {
	if utf8.RuneCountInString(line) < lineWidth {
		return line
	}
	return strings.Replace(line, separator, withBreak, 1)
}

func joinDetail(state State, detail string) string {
	if detail == "" {
		return string(state)
	}
	return string(state) + ": " + printable.Line(detail)
}

func headings(columns []column) (cells []string) {
	for _, c := range columns {
		cells = append(cells, c.heading)
	}
	return cells
}

// padded returns a state with the width of its column.
func padded[S ~string](state S) string {
	const width = len(Drained)
	return string(state) + strings.Repeat(" ", max(0, width-len(state)))
}

// writeRow writes a line: the name, the state, and cells that are aligned to the right. A
// status can have 10,000 of them, so it does without fmt.
func writeRow(b *strings.Builder, name, state string, cells []string, columns []column) {
	name = printable.Line(name)
	if len(name) > nameWidth {
		b.WriteString("  " + name + "\n")
		name = ""
	}
	b.WriteString("  " + name)
	spaces(b, nameWidth-utf8.RuneCountInString(name)+1)
	b.WriteString(state)
	blank := 0 // of the cells at the end
	for i, c := range columns {
		blank += 1 + c.width - len(cells[i])
		if cells[i] != "" {
			spaces(b, blank)
			b.WriteString(cells[i])
			blank = 0
		}
	}
	b.WriteByte('\n')
}

func spaces(b *strings.Builder, n int) {
	for range n {
		b.WriteByte(' ')
	}
}

// appendCells appends the numbers of a row, in the order of the columns.
func (r *RealServer) appendCells(cells []string, style Style) []string {
	weight := "-"
	if r.Weight != nil {
		weight = weightText(*r.Weight)
	}
	if t := r.Totals; style.Totals {
		return append(cells, weight, short(t.Connections), short(t.PacketsIn), short(t.PacketsOut), short(t.BytesIn), short(t.BytesOut))
	}
	return append(cells,
		weight, short(uint64(r.Active)), short(uint64(r.Inactive)), short(uint64(r.Persistent)),
		short(r.Rates.Connections), short(r.Rates.BytesIn), short(r.Rates.BytesOut), r.Passive.share(),
	)
}

// weightText returns a weight in at most six characters. Other programs may set more than the 65535
// of a spec.
func weightText(weight int) string {
	if text := strconv.Itoa(weight); len(text) <= len("weight") {
		return text
	}
	return short(uint64(weight))
}

// share returns the share of the passive ports in use: "12%", "<1%".
func (p *Passive) share() string {
	switch {
	case p == nil:
		return ""
	case p.Used > 0 && p.Used*100 < p.Ports:
		return "<1%"
	}
	return strconv.Itoa(p.Used*100/p.Ports) + "%"
}

// short returns a number in at most five characters: 9999, 12.3k, 456M.
func short(n uint64) string {
	if n < 10_000 {
		return strconv.FormatUint(n, 10)
	}
	unit, prefix := uint64(1000), 0
	for n/unit >= 1000 {
		unit, prefix = unit*1000, prefix+1
	}
	tenths := n / (unit / 10)
	if tenths < 1000 {
		return fmt.Sprintf("%d.%d%c", tenths/10, tenths%10, "kMGTPE"[prefix])
	}
	return fmt.Sprintf("%d%c", tenths/10, "kMGTPE"[prefix])
}

// merged returns the real servers of all services, one for each address and port.
func (c *Cluster) merged() []*RealServer {
	type endpoint struct {
		address string
		port    uint16
	}
	var rows []*RealServer
	if len(c.Services) == 1 {
		for i := range c.Services[0].RealServers {
			rows = append(rows, &c.Services[0].RealServers[i])
		}
		return rows
	}
	byEndpoint := map[endpoint]*RealServer{}
	for _, s := range c.Services {
		for _, r := range s.RealServers {
			e := endpoint{r.Address, r.Port}
			if row := byEndpoint[e]; row != nil {
				row.add(r)
				continue
			}
			byEndpoint[e] = &r
			rows = append(rows, &r)
		}
	}
	return rows
}

// add adds the numbers of the same real server in another service.
func (r *RealServer) add(other RealServer) {
	if r.State == InSync {
		r.State, r.Detail = other.State, other.Detail
	}
	r.Active += other.Active
	r.Inactive += other.Inactive
	r.Persistent += other.Persistent
	r.Totals, r.Rates = sum(r.Totals, other.Totals), sum(r.Rates, other.Rates)
	switch {
	case r.Passive == nil:
		r.Passive = other.Passive
	case other.Passive != nil:
		r.Passive = &Passive{Ports: r.Passive.Ports + other.Passive.Ports, Used: r.Passive.Used + other.Passive.Used}
	}
}

func sum(a, b ipvs.Counters) ipvs.Counters {
	return ipvs.Counters{
		Connections: a.Connections + b.Connections,
		PacketsIn:   a.PacketsIn + b.PacketsIn, PacketsOut: a.PacketsOut + b.PacketsOut,
		BytesIn: a.BytesIn + b.BytesIn, BytesOut: a.BytesOut + b.BytesOut,
	}
}

// Names returns the names of the clusters in the spec.
func (r *Report) Names() (names []string) {
	for _, c := range r.Clusters {
		if slices.ContainsFunc(c.Services, func(s Service) bool { return s.State != Extra }) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Select returns the report with the named clusters only, and the first name that it lacks.
func (r *Report) Select(names []string) (selected *Report, missing string) {
	if len(names) == 0 {
		return r, ""
	}
	byName := map[string][]Cluster{} // two, if the spec has another mark than the kernel
	for _, c := range r.Clusters {
		byName[c.Name] = append(byName[c.Name], c)
	}
	selected = &Report{InSync: r.InSync, Differences: r.Differences, SyncFaults: r.SyncFaults, Clusters: []Cluster{}}
	for i, name := range names {
		if len(byName[name]) == 0 {
			return nil, name
		}
		if !slices.Contains(names[:i], name) {
			selected.Clusters = append(selected.Clusters, byName[name]...)
		}
	}
	return selected, ""
}
