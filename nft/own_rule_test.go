package nft

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestOwnRules decodes rules of each kind, and rules that differ from them in one point.
func TestOwnRules(t *testing.T) {
	marks, verdicts := markTable(map[string][]byte{"marks": {1}}).Sets[0], verdictMap("chain")
	sources := &Set{Name: "sources", KeyType: typeIPv4, KeyLen: 4}
	devices, macs := &Set{Name: "devices", KeyType: typeIfname, KeyLen: 16}, &Set{Name: "macs", KeyType: typeEther, KeyLen: 6}
	table := &Table{Family: IPv4, Sets: []*Set{marks, verdicts, sources, devices, macs, {Name: "marked", KeyType: typeMark, KeyLen: 4}}}
	network := netip.MustParsePrefix("192.0.0.0/16")
	tcp := func(low, high uint16) config.PortRange {
		return config.PortRange{Protocol: config.TCP, Low: low, High: high}
	}
	udp := config.PortRange{Protocol: config.UDP, Low: 20, High: 20}
	b := func() *ruleBuilder { return newRule(IPv4) }
	for name, c := range map[string]struct {
		rule *ruleBuilder
		want string
	}{
		"marks":                  {b().dport(tcp(20, 21)).daddr().lookup("marks").setMark(), "mark [20-21] invalid Prefix marks false"},
		"marks and accepts":      {b().dport(tcp(20, 21)).daddr().lookup("marks").setMark().accept(), "mark [20-21] invalid Prefix marks true"},
		"within":                 {b().within(network).dport(tcp(20, 21)).daddr().lookup("marks").setMark(), "mark [20-21] 192.0.0.0/16 marks false"},
		"marks, then drops":      {b().dport(tcp(20, 21)).daddr().lookup("marks").setMark().add(&expr.Verdict{Kind: expr.VerdictDrop}), "none"},
		"marks by source":        {b().dport(tcp(20, 21)).saddr().lookup("marks").setMark(), "none"},
		"marks any port":         {b().daddr().lookup("marks").setMark(), "mark [all] invalid Prefix marks false"},
		"marks a source port":    {b().sport(tcp(20, 21)).daddr().lookup("marks").setMark(), "none"},
		"marks some sources":     {b().saddr().in("sources").dport(tcp(20, 21)).daddr().lookup("marks").setMark(), "mark [20-21] invalid Prefix marks false from sources"},
		"marks some devices":     {b().dport(tcp(20, 21)).selected(selection{devices: devices}, anySender).daddr().lookup("marks").setMark(), "mark [20-21] invalid Prefix marks false by devices"},
		"marks some senders":     {b().dport(tcp(20, 21)).selected(selection{exceptMACs: macs}, ethernet).daddr().lookup("marks").setMark(), "mark [20-21] invalid Prefix marks false not macs"},
		"marks other devices":    {b().dport(tcp(20, 21)).selected(selection{exceptMACs: macs}, notEthernet).daddr().lookup("marks").setMark(), "mark [20-21] invalid Prefix marks false notEthernet"},
		"marks Ethernet":         {b().dport(tcp(20, 21)).deviceType(expr.CmpOpEq).daddr().lookup("marks").setMark(), "none"},
		"marks no sources":       {b().saddr().add(&expr.Lookup{SourceRegister: reg, SetName: "sources", Invert: true}).dport(tcp(20, 21)).daddr().lookup("marks").setMark(), "none"},
		"accepts on a condition": {b().dport(tcp(20, 21)).daddr().lookup("marks").setMark().saddr().in("sources").accept(), "none"},
		"goto":                   {b().daddr().vmap("vips"), "goto invalid Prefix vips"},
		"goto within":            {b().within(network).daddr().vmap("vips"), "goto 192.0.0.0/16 vips"},
		"goto by source":         {b().saddr().vmap("vips"), "none"},
		"goto for a port":        {b().dport(tcp(20, 20)).daddr().vmap("vips"), "none"},
		"goto, then accepts":     {b().daddr().vmap("vips").accept(), "none"},
		"protocol":               {b().protocolIsNot(config.TCP).accept(), "protocol tcp"},
		"protocol udp":           {b().protocolIsNot(config.UDP).accept(), "protocol udp"},
		"protocol, drops":        {b().protocolIsNot(config.UDP).add(&expr.Verdict{Kind: expr.VerdictDrop}), "none"},
		"only a protocol":        {b().protocolIs(config.UDP).accept(), "none"},
		"protocol and address":   {b().protocolIsNot(config.UDP).saddr().in("sources").accept(), "none"},
		"accepts":                {b().accept(), "none"},
		"masquerade":             {b().saddr().in("sources").sport(tcp(20, 20)).masquerade(), "translation 20 sources"},
		"masquerade by marks":    {b().saddr().in("marks").sport(tcp(20, 20)).masquerade(), "translation 20 marks"},
		"masquerade a range":     {b().saddr().in("sources").sport(tcp(20, 21)).masquerade(), "none"},
		"masquerade udp":         {b().saddr().in("sources").sport(udp).masquerade(), "none"},
		"masquerade any port":    {b().saddr().in("sources").masquerade(), "none"},
		"masquerade all":         {b().sport(tcp(20, 20)).masquerade(), "none"},
		"masquerade by VIP":      {b().daddr().in("sources").sport(tcp(20, 20)).masquerade(), "none"},
		"masquerade other keys":  {b().saddr().in("marked").sport(tcp(20, 20)).masquerade(), "none"},
		"snat of another set":    {b().sport(tcp(20, 20)).saddr().lookup("marks").snat(), "translation 20 marks"},
		"source-nat":             {b().mark().in("marked").daddr().in("sources").masquerade(), "source-nat masquerade marked sources"},
		"source-nat, reordered":  {b().daddr().in("sources").mark().in("marked").masquerade(), "source-nat masquerade marked sources"},
		"source-nat to the VIP":  {b().mark().in("marked").daddr().in("sources").originalDaddr().snat(), "source-nat snat marked sources"},
		"source-nat of a client": {b().mark().in("marked").saddr().in("sources").masquerade(), "none"},
		"source-nat, any mark":   {b().daddr().in("sources").masquerade(), "none"},
		"source-nat, any server": {b().mark().in("marked").masquerade(), "none"},
		"source-nat of a port":   {b().mark().in("marked").daddr().in("sources").dport(tcp(20, 20)).masquerade(), "none"},
		"source-nat to a server": {b().mark().in("marked").daddr().in("sources").daddr().snat(), "none"},
		"source-nat of a map":    {b().mark().in("marked").daddr().lookup("marks").masquerade(), "none"},
		"accepts sources":        {b().saddr().in("sources").sport(tcp(20, 20)).accept(), "none"},
	} {
		assert.Equal(t, c.want, describeOwn(table, c.rule.rule()), name)
	}
}

// describeOwn returns the kind of the rule and what the decoder of that kind finds.
func describeOwn(table *Table, r *Rule) string {
	text := "none"
	if m, ok := table.MarkRule(r); ok {
		text = fmt.Sprintf("mark %v %s %s %t", m.Ports, m.Within, m.VIPs.Name, m.Accepts)
	}
	if m, ok := table.MarkRule(r); ok {
		text += describeSelection(m.Only)
	}
	if g, ok := table.GotoRule(r); ok {
		text = fmt.Sprintf("goto %s %s", g.Within, g.VIPs.Name)
	}
	if p, ok := table.ProtocolRule(r); ok {
		text = fmt.Sprintf("protocol %s", p)
	}
	if s, ok := table.TranslationRule(r); ok {
		text = fmt.Sprintf("translation %d %s", s.Port, s.Sources.Name)
	}
	if s, ok := table.SourceNATRule(r); ok {
		text = fmt.Sprintf("source-nat %s %s %s", s.To, s.Marks.Name, s.Servers.Name)
	}
	return text
}

func describeSelection(s Selection) (text string) {
	if s.Sources != nil {
		text += " from " + s.Sources.Name
	}
	if s.Devices != nil {
		text += " by " + s.Devices.Name
	}
	if s.ExceptMACs != nil {
		text += " not " + s.ExceptMACs.Name
	}
	if s.NotEthernet {
		text += " notEthernet"
	}
	return text
}

// TestRangeOfOtherLength: a range whose ends differ in length has no known meaning.
func TestRangeOfOtherLength(t *testing.T) {
	table := &Table{Family: IPv4}
	for _, op := range []expr.CmpOp{expr.CmpOpEq, expr.CmpOpNeq} {
		for to, known := range map[int]bool{1: false, 2: true, 3: false} {
			rule := newRule(IPv4).add(
				&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
				&expr.Range{Op: op, Register: reg, FromData: []byte{0, 20}, ToData: bytes.Repeat([]byte{0xff}, to)},
			).accept().rule()
			_, ok := table.meaning(rule)
			assert.Equal(t, known, ok, "%s: %d bytes", []string{"inside", "outside"}[op], to)
		}
	}
}

// TestSetLedgerReplaces: the ledger of a table is replaced as a whole.
func TestSetLedgerReplaces(t *testing.T) {
	table := markTable(map[string][]byte{"a": {1}})
	first := Ledger{Bound: map[BoundMark]string{{config.IPv4, 1}: "a", {config.IPv6, 2}: "b"}, Settings: map[string]Setting{"x": {Value: "1", Previous: "0", Changed: true}}}
	table.setLedger(first)
	assert.Equal(t, Ledger{Bound: map[BoundMark]string{{config.IPv4, 1}: "a"}, Settings: first.Settings, Drained: map[DrainedServer]int{}}, table.ledger())
	table.setLedger(Ledger{Bound: map[BoundMark]string{{config.IPv4, 3}: "c"}})
	assert.Equal(t, Ledger{Bound: map[BoundMark]string{{config.IPv4, 3}: "c"}, Settings: map[string]Setting{}, Drained: map[DrainedServer]int{}}, table.ledger())
	var names []string
	for _, s := range table.Sets {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"a", boundSet}, names)
}

// TestMatch decodes the keys of elements.
func TestMatch(t *testing.T) {
	key := elementKey([]byte{1})
	flags := func(n byte) string { return string([]byte{8, 0, 3, 0, 0, 0, 0, n}) }
	for content, want := range map[string]ElementMatch{
		key:                       {Key: "\x01"},
		intervalEndKey([]byte{1}): {Key: "\x01", EndsRange: true},
		key + flags(2):            {Key: "\x01", CatchAll: true},
		key + flags(3):            {Key: "\x01", CatchAll: true, EndsRange: true},
		key + flags(4):            {Key: "\x01"},
		string(appendValue([]byte(key), nftaSetElemKeyEnd, []byte{9})): {Key: "\x01", KeyEnd: "\x09"},
	} {
		assert.Equal(t, want, Element{Key: content}.Match(), "%q", content)
	}
}

// TestDrainedRecords: the records of both families are read back from their tables. A comment
// that lvsmark did not write is no record.
func TestDrainedRecords(t *testing.T) {
	v4 := DrainedServer{BoundMark{config.IPv4, 21}, netip.MustParseAddr("10.0.0.12"), 0}
	other := DrainedServer{BoundMark{config.IPv4, 0xffffffff}, netip.MustParseAddr("10.0.0.12"), 80}
	v6 := DrainedServer{BoundMark{config.IPv6, 21}, netip.MustParseAddr("fd00::12"), 0}
	ledger := newLedger()
	ledger.Drained = map[DrainedServer]int{v4: 1, other: 65535, v6: 7}
	tables := &Ruleset{Tables: []*Table{{Family: IPv4, Name: "lvsmark"}, {Family: IPv6, Name: "lvsmark"}}}
	recorded := tables.WithLedger(ledger, tables)
	assert.Equal(t, ledger, recorded.Ledger())
	assert.Len(t, recorded.Tables[0].Set(drainedSet).Elements, 2)
	assert.Len(t, recorded.Tables[1].Set(drainedSet).Elements, 1)
	assert.True(t, ledger.IsDrained(v6.Service, v6.Address, 0))
	assert.False(t, ledger.IsDrained(v4.Service, v6.Address, 0))

	comment := userdataRest(appendComment(nil, userdata.TypeComment, "rs2 of fwmark 21, weight 1"))
	recorded.Tables[0].Set(drainedSet).Elements[0].Rest = comment
	assert.Len(t, recorded.Ledger().Drained, 2)
	for _, table := range recorded.WithLedger(newLedger(), recorded).Tables {
		assert.Empty(t, table.Sets, "without records there is no set")
	}
}
