package verify

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

const spec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp:
      control-ports: [21]
      passive-ports: 10000-20000
      active-data: {translate: masquerade, source: 10.0.0.0/24, ports: [20]}
    persistence: 5m
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]
`

const iptables = `*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 21 -j MARK --set-xmark 0x7/0xffffffff
-A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 10000:20000 -j MARK --set-xmark 0x7/0xffffffff
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/24 -p tcp -m tcp --sport 20 -j MASQUERADE
COMMIT
`

const ipvsadm = `-A -f 7 -s wlc -p 300
-a -f 7 -r 10.0.0.12:0 -m -w 1
-a -f 7 -r 10.0.0.11:0 -m -w 1
`

func compare(t *testing.T, spec string, files ...string) *Report {
	t.Helper()
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(spec))
	require.NoError(t, err)
	old := &oldconfig.Config{}
	for _, f := range files {
		c, err := importer.Read("old", strings.NewReader(f))
		require.NoError(t, err)
		old.Join(c)
	}
	r, err := Compare(old, parsed)
	require.NoError(t, err)
	return r
}

func TestRecipe(t *testing.T) {
	r := compare(t, spec, iptables, ipvsadm)
	assert.Equal(t, "equivalent", r.Answer(), "%+v", r)
	t.Log(r.Text())
}

func TestDifferences(t *testing.T) {
	for name, c := range map[string]struct {
		iptables, ipvsadm string // replacements
		want              string // part of a kind of difference
		packet            string
	}{
		"range":       {iptables: "10000:20000>10000:19999", want: "not served before, served after", packet: "198.51.100.21:20000"},
		"VIP":         {iptables: "198.51.100.21/32>198.51.100.20/31", want: "served before, not served after", packet: "198.51.100.20:21"},
		"weight":      {ipvsadm: "-m -w 1>-m -w 2", want: "real servers", packet: "198.51.100.21:21"},
		"scheduler":   {ipvsadm: "wlc>rr", want: "scheduler", packet: "198.51.100.21:21"},
		"persistence": {ipvsadm: "-p 300>-p 60", want: "persistence", packet: "198.51.100.21:21"},
		"mask":        {iptables: "0x7/0xffffffff>0x17/0x10", want: "not served before", packet: "198.51.100.21:21"},
	} {
		t.Run(name, func(t *testing.T) {
			replace := func(text, pair string) string {
				if from, to, ok := strings.Cut(pair, ">"); ok {
					return strings.ReplaceAll(text, from, to)
				}
				return text
			}
			r := compare(t, spec, replace(iptables, c.iptables), replace(ipvsadm, c.ipvsadm))
			require.NotEmpty(t, r.Differences)
			d := r.Differences[0]
			assert.Contains(t, d.Kind, c.want, "%+v", d)
			assert.Equal(t, c.packet, d.Packet.To.String())
		})
	}
}

// TestActiveTranslations: rules that give active data another address or port than the spec are
// a difference, in the words of iptables and of nft.
func TestActiveTranslations(t *testing.T) {
	toVIP := strings.Replace(spec, "translate: masquerade", "translate: snat", 1)
	for target, c := range map[string]struct{ spec, want string }{
		"MASQUERADE":                                       {spec: spec},
		"MASQUERADE --random":                              {spec, "source becomes the address of the device with a random port"},
		"MASQUERADE --random-fully":                        {spec, "source becomes the address of the device with a random port"},
		"MASQUERADE --to-ports 20":                         {spec, "source becomes the address of the device port 20-20"},
		"SNAT --to-source :20":                             {spec, "source becomes port 20-20"},
		"SNAT --to-source 198.51.100.21":                   {spec: toVIP},
		"SNAT --to-source 198.51.100.21 --persistent":      {spec: toVIP},
		"SNAT --to-source 198.51.100.21 --random":          {toVIP, "source becomes 198.51.100.21 with a random port"},
		"SNAT --to-source 198.51.100.21:1024-65535":        {toVIP, "source becomes 198.51.100.21 port 1024-65535"},
		"SNAT --to-source 198.51.100.20-198.51.100.21":     {toVIP, "source becomes 198.51.100.20-198.51.100.21"},
		"NETMAP --to 198.51.100.0/24":                      {toVIP, "source becomes its counterpart in 198.51.100.0-198.51.100.255"},
		"SNAT --to 198.51.100.0-198.51.100.1 --persistent": {toVIP, "source becomes 198.51.100.0-198.51.100.1, one for each client"},
	} {
		r := compare(t, c.spec, strings.Replace(iptables, "MASQUERADE", target, 1), ipvsadm)
		if c.want == "" {
			assert.Equal(t, "equivalent", r.Answer(), "%s: %s", target, r.Text())
			continue
		}
		assert.Equal(t, "different", r.Answer(), "%s: %s", target, r.Text())
		assert.Contains(t, r.Text(), c.want, target)
	}
}

// TestOwnRules: what lvsmark renders for a spec is the same as the spec.
func TestOwnRules(t *testing.T) {
	for name, director := range map[string]string{
		"plain": "", "hooks": "director: {keep-marks: true, local-clients: true}",
	} {
		t.Run(name, func(t *testing.T) {
			parsed, _, err := config.Parse("spec.yaml", strings.NewReader(spec+director))
			require.NoError(t, err)
			own, err := Side(parsed)
			require.NoError(t, err)
			r, err := Compare(&oldconfig.Config{Chains: own.Chains, Services: own.Services}, parsed)
			require.NoError(t, err)
			assert.Equal(t, "equivalent", r.Answer(), r.Text())
		})
	}
}

// TestUncovered: what decides after IPVS is named.
func TestUncovered(t *testing.T) {
	for rule, want := range map[string]string{
		"*filter\n-A OUTPUT -m mark --mark 7 -j DROP\nCOMMIT\n":                              "it may depend on the mark",
		"*mangle\n:A - [0:0]\n-A POSTROUTING -j A\n-A A -d 10.0.0.11 -j DROP\nCOMMIT\n":      "it may decide the way",
		"*mangle\n-A POSTROUTING -d 10.0.0.11 -j MARK --set-mark 1\nCOMMIT\n":                "",
		"*nat\n-A POSTROUTING -s 10.9.0.0/24 -o eth1 -j SNAT --to-source 10.1.1.1\nCOMMIT\n": "",
	} {
		r := compare(t, spec, iptables, ipvsadm, rule)
		if want == "" {
			assert.Equal(t, "equivalent", r.Answer(), "%s: %s", rule, r.Text())
			continue
		}
		require.Len(t, r.NotUnderstood, 1, rule)
		assert.Contains(t, r.NotUnderstood[0].Message, want)
		assert.NotEqual(t, "equivalent", r.Answer())
	}
}

const manyKeys = `
clusters:
  - {name: all, mark: 1, vips: [198.51.100.1, "2001:db8::1"], ports: [all], real-servers: [{address: 10.0.0.1}, {address: "fd00::1"}]}
  - {name: sctp, mark: 2, vips: [198.51.100.2], ports: [sctp/2905, udp/1-1024, 7000-7010], real-servers: [{address: 10.0.0.1, weight: 0}]}
  - name: ftp
    mark: 3
    vips: [198.51.100.3, 198.51.100.4]
    ftp: {control-ports: [21, 990], passive-ports: [10000-20000, 30000-30100]}
    forwarding: direct
    real-servers: [{address: 10.0.0.1}, {address: 10.0.0.2, forwarding: tunnel}]
  - {name: one-armed, mark: 4, vips: [198.51.100.6, 198.51.100.7], ports: [80], source-nat: snat, real-servers: [{address: 10.0.0.3}]}
`

// TestOwnRulesOfKeys: the same for other keys; another passive range is a difference.
func TestOwnRulesOfKeys(t *testing.T) {
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(manyKeys))
	require.NoError(t, err)
	own, err := Side(parsed)
	require.NoError(t, err)
	old := &oldconfig.Config{Chains: own.Chains, Services: own.Services}
	r, err := Compare(old, parsed)
	require.NoError(t, err)
	assert.Equal(t, "equivalent", r.Answer(), r.Text())
	for from, to := range map[string]string{
		"30100": "30101", "sctp/2905": "sctp/2906", "[all]": "[1-65535]", "forwarding: tunnel": "forwarding: nat", "weight: 0": "weight: 1",
		"198.51.100.4]": "198.51.100.5]", "control-ports: [21, 990]": "control-ports: [21]", "source-nat: snat": "source-nat: masquerade",
	} {
		changed, _, err := config.Parse("spec.yaml", strings.NewReader(strings.Replace(manyKeys, from, to, 1)))
		require.NoError(t, err, from)
		r, err := Compare(old, changed)
		require.NoError(t, err)
		assert.Equal(t, "different", r.Answer(), from)
	}
}

// TestSamePriority: the order of a chain and lvsmark's is not known at the same priority.
func TestSamePriority(t *testing.T) {
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(spec))
	require.NoError(t, err)
	own, err := Side(parsed)
	require.NoError(t, err)
	// Beside the chain of the spec, and beside the same chain of the old configuration.
	for priority, want := range map[int]int{-150: 2, -149: 0} {
		beside := &oldconfig.Chain{
			Family: 4, Table: "ip other", Name: "c", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, Priority: priority},
			Rules: []*oldconfig.Rule{{
				Matches: []oldconfig.Match{{Field: oldconfig.Mark, In: []oldconfig.Range{{Low: oldconfig.Number{Low: 21}, High: oldconfig.Number{Low: 21}}}}},
				Actions: []oldconfig.Action{{Kind: oldconfig.Accept}},
			}},
		}
		r, err := Compare(&oldconfig.Config{Chains: append(own.Chains, beside), Services: own.Services}, parsed)
		require.NoError(t, err)
		assert.Len(t, r.NotUnderstood, want)
	}
}

// TestUnordered: the order of chains of several tables with the same priority is not known, and of
// no importance unless one sets a mark that the other tests or sets, or both translate.
func TestUnordered(t *testing.T) {
	chain := func(table string, nat bool, kind oldconfig.ActionKind, tests ...oldconfig.Match) *oldconfig.Chain {
		return &oldconfig.Chain{
			Family: 4, Table: table, Name: "c", Base: &oldconfig.Base{Hook: oldconfig.Prerouting, NAT: nat},
			Rules: []*oldconfig.Rule{{Matches: tests, Actions: []oldconfig.Action{{Kind: kind}}}},
		}
	}
	ofMark := oldconfig.Match{Field: oldconfig.Mark}
	sets, restores, drops := chain("a", false, oldconfig.SetMark), chain("b", false, oldconfig.RestoreMark), chain("b", false, oldconfig.Drop)
	tests, same := chain("b", false, oldconfig.Drop, ofMark), chain("a", false, oldconfig.SetMark)
	translates := chain("b", true, oldconfig.TranslateDestination)
	otherFile := chain("a", false, oldconfig.SetMark)
	otherFile.File = "other"
	for _, c := range []struct {
		chains []*oldconfig.Chain
		want   int
	}{
		{[]*oldconfig.Chain{sets, restores}, 1},
		{[]*oldconfig.Chain{tests, sets}, 1},
		{[]*oldconfig.Chain{sets, otherFile}, 1},
		{[]*oldconfig.Chain{chain("a", true, oldconfig.TranslateDestination), translates}, 1},
		{[]*oldconfig.Chain{sets, same}, 0},
		{[]*oldconfig.Chain{sets, drops}, 0},
		{[]*oldconfig.Chain{tests, chain("a", false, oldconfig.Drop, ofMark)}, 0},
		{[]*oldconfig.Chain{sets, translates}, 0},
	} {
		assert.Len(t, unordered(c.chains), c.want)
	}
}

// TestPriorityOfIPVS: the order of a chain of the input hook and IPVS is not known at the same
// priority, 99.
func TestPriorityOfIPVS(t *testing.T) {
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(spec))
	require.NoError(t, err)
	own, err := Side(parsed)
	require.NoError(t, err)
	for priority, want := range map[int]string{98: "different", 99: "not proven", 100: "equivalent"} {
		spoils := &oldconfig.Chain{
			Family: 4, Table: "ip other", Name: "c", Base: &oldconfig.Base{Hook: oldconfig.Input, Priority: priority},
			Rules: []*oldconfig.Rule{{Actions: []oldconfig.Action{{Kind: oldconfig.SetMark, Xor: 7}}}},
		}
		r, err := Compare(&oldconfig.Config{Chains: append(slices.Clone(own.Chains), spoils), Services: own.Services}, parsed)
		require.NoError(t, err)
		assert.Equal(t, want, r.Answer(), "priority %d", priority)
	}
}

// TestAllPortsWithinNetwork: a map without an element for the packet does not end the chain,
// also if the rule tests nothing else.
func TestAllPortsWithinNetwork(t *testing.T) {
	const spec = `clusters:
  - {name: a, mark: 42, vips: ["2001:db8::/115"], ports: [all], forwarding: direct, real-servers: [{address: "fd00:0:0:1::b"}]}
  - {name: b, mark: 98, vips: ["2001:db8::2"], ports: [udp/1000], real-servers: [{address: "fd00:0:0:5::b"}]}
  - {name: c, mark: 99, vips: ["2001:db8::4"], ports: [20000], real-servers: [{address: "fd00:0:0:5::b"}]}
  - {name: d, mark: 100, vips: ["2001:db8::10"], ports: [all], real-servers: [{address: "fd00:0:0:5::b"}]}
`
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(spec))
	require.NoError(t, err)
	side, err := Side(parsed)
	require.NoError(t, err)
	for to, mark := range map[string]uint32{"[2001:db8::9]:1": 42, "[2001:db8::2]:1": 42, "[2001:db8::4]:20000": 99, "[2001:db8::10]:1": 100, "[2001:db8::1:0]:1": 0} {
		p := exact.Packet{Protocol: 6, Flags: exact.SYN, From: netip.MustParseAddrPort("[2001:db8:9::1]:40000"), To: netip.MustParseAddrPort(to), FromType: exact.Unicast}
		assert.Equal(t, mark, exact.Follow(side, p, false).Mark, to)
	}
}
