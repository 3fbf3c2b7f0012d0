package nft_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// restoreAll restores the ruleset and asserts that nothing is lost.
func restoreAll(t *testing.T, conn *nft.Conn, r *nft.Ruleset) {
	t.Helper()
	restored, err := conn.Restore(r)
	require.NoError(t, err)
	require.Empty(t, restored.Lost)
}

// withoutTimes returns a list of nft without the remaining lifetimes of elements.
func withoutTimes(list string) string {
	return regexp.MustCompile(` expires [0-9a-z]+`).ReplaceAllString(list, " expires")
}

// TestRestoreStatements adds each statement and object of nft's manual to lvsmark's tables,
// applies another spec, and restores all.
func TestRestoreStatements(t *testing.T) {
	first, second := rehearse(t, parse(t, findingSpec)), rehearse(t, parse(t, otherSpec))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, first)
		addObjects(t, "ip lvsmark")
		run(t, "add chain ip lvsmark byhand\nadd chain ip6 lvsmark byhand\n", "-f", "-")
		added := 0
		for _, s := range statements(t) {
			if s.family != "ip" && s.family != "ip6" {
				continue
			}
			if _, err := try(fmt.Sprintf("add rule %s lvsmark byhand %s\n", s.family, s.text)); err == nil {
				added++
			}
		}
		require.Greater(t, added, 200)
		checkRestored(t, conn, second)
	})
}

// handMade are objects of each kind that can be added by hand to table ip lvsmark, in
// nft's syntax.
var handMade = map[string]string{
	"anonymous set":               `add rule ip lvsmark prerouting tcp dport { 1, 2, 3 } counter packets 3 bytes 180`,
	"anonymous interval set":      `add rule ip lvsmark prerouting tcp dport { 21, 80-90 } ip saddr { 192.0.2.0/24, 198.51.100.1-198.51.100.9 } drop`,
	"anonymous map":               `add rule ip lvsmark prerouting meta mark set ip saddr map { 192.0.2.1 : 1, 192.0.2.2 : 2 }`,
	"anonymous verdict map":       `add chain ip lvsmark h; add rule ip lvsmark prerouting tcp dport vmap { 5 : jump h, 6 : drop }`,
	"concatenation":               `add rule ip lvsmark prerouting ip daddr . meta l4proto . th dport vmap { 192.0.2.1 . tcp . 21 : drop, 192.0.2.0/24 . udp . 53-54 : accept }`,
	"anonymous chain":             `add rule ip lvsmark prerouting tcp dport 5 jump { counter packets 7 bytes 99; drop; }`,
	"sets in anonymous chains":    `add rule ip lvsmark prerouting tcp dport { 5, 6 } goto { ip saddr { 192.0.2.1, 192.0.2.7 } drop; meter m size 9 { ip saddr counter }; accept; }`,
	"rules between ours":          `insert rule ip lvsmark prerouting tcp dport { 1, 2 } accept; insert rule ip lvsmark prerouting tcp dport { 3, 4 } jump { accept; }`,
	"comment of a rule":           `add rule ip lvsmark prerouting tcp dport 7 drop comment "by hand"`,
	"meter":                       `add rule ip lvsmark prerouting meter floods size 100 { ip saddr limit rate 5/second }`,
	"meter with timeout":          `add rule ip lvsmark prerouting meter floods size 100 { ip saddr timeout 1h limit rate 5/second }`,
	"meter with our map's name":   `add rule ip lvsmark prerouting meter tcp_21_10000-20000-next size 10 { ip saddr counter }; add rule ip lvsmark prerouting meter vips size 10 { ip saddr counter }`,
	"dynamic set":                 `add set ip lvsmark seen { type ipv4_addr; size 100; flags dynamic,timeout; timeout 1h; elements = { 192.0.2.1, 192.0.2.2 timeout 2h expires 90m } }; add rule ip lvsmark prerouting update @seen { ip saddr timeout 2h limit rate over 5/second }`,
	"dynamic set with statements": `add set ip lvsmark seen { type ipv4_addr; size 100; flags dynamic; counter; elements = { 192.0.2.1 counter packets 5 bytes 300 } }; add rule ip lvsmark prerouting add @seen { ip saddr counter }`,
	"dynamic map":                 `add map ip lvsmark marks { type ipv4_addr : mark; size 100; flags dynamic,timeout; elements = { 192.0.2.1 timeout 1h : 7 } }; add rule ip lvsmark prerouting update @marks { ip saddr timeout 1h : meta mark }`,
	"set with timeouts":           `add set ip lvsmark s { type ipv4_addr; flags timeout; gc-interval 5m; elements = { 192.0.2.1 timeout 1h, 192.0.2.2 timeout 1d expires 1h comment "x" } }`,
	"intervals with timeouts":     `add set ip lvsmark s { type ipv4_addr; flags interval,timeout; timeout 1d; elements = { 10.0.0.0/24 timeout 1h comment "x", 10.0.1.0/24 timeout 3d expires 2d, 192.0.2.1, 255.255.255.0-255.255.255.255 } }; add map ip lvsmark m { type inet_service : mark; flags interval,timeout; timeout 2h; elements = { 1-5 : 7, 9 timeout 1h : 8 } }`,
	"concatenations that expire":  `add set ip lvsmark s { type ipv4_addr . inet_service; flags interval,timeout; timeout 1d; elements = { 10.0.0.0/24 . 1-5 timeout 1h, 10.0.1.0/24 . 22 comment "x" } }`,
	"set with counters":           `add set ip lvsmark s { type inet_service; counter; elements = { 22 counter packets 1 bytes 40 } }; add rule ip lvsmark prerouting tcp dport @s`,
	"set of a field":              `add set ip lvsmark s { typeof ip saddr . tcp dport; size 99; policy memory; comment "by hand"; elements = { 192.0.2.1 . 80 } }; add rule ip lvsmark prerouting ip saddr . tcp dport @s drop`,
	"set of intervals":            `add set ip lvsmark s { type ipv4_addr; flags interval; auto-merge; elements = { 192.0.2.0/24, 198.51.100.0-198.51.100.6 } }; add rule ip lvsmark prerouting ip saddr @s`,
	"set of concatenated ranges":  `add set ip lvsmark s { type ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/24 . 80-90, 10.0.0.0/8 . 22, 192.0.2.1 . 8080 } }`,
	"set of interfaces":           `add set ip lvsmark s { type ifname; flags interval; elements = { "eth*", "lo" } }; add rule ip lvsmark prerouting iifname @s drop`,
	"constant set":                `add set ip lvsmark s { type mark; flags constant; elements = { 7, 8 } }`,
	"map of intervals":            `add map ip lvsmark m { type ipv4_addr : ipv4_addr . inet_service; flags interval; elements = { 192.0.2.0/24 : 10.0.0.1 . 80, * : 10.0.0.2 . 81 } }`,
	"verdict map to our chain":    `add chain ip lvsmark h; add chain ip lvsmark vips_1; add map ip lvsmark m { type inet_service : verdict; elements = { 22 : jump h, 23 : goto vips_1 } }`,
	"map of counters":             `add counter ip lvsmark c { packets 5 bytes 6 }; add map ip lvsmark m { type inet_service : counter; elements = { 22 : "c" } }; add rule ip lvsmark prerouting counter name tcp dport map @m`,
	"anonymous map of counters":   `add counter ip lvsmark c { packets 5 bytes 6 }; add rule ip lvsmark prerouting counter name ip saddr map { 192.0.2.1 : "c" }`,
	"counter":                     `add counter ip lvsmark c { packets 5 bytes 6 }; add rule ip lvsmark prerouting counter name c; add rule ip lvsmark prerouting jump { counter name c; }`,
	"quota":                       `add quota ip lvsmark q { over 25 mbytes used 1 mbytes }; add rule ip lvsmark prerouting quota name q drop; add rule ip lvsmark prerouting quota over 5 mbytes used 7 bytes drop`,
	"limit":                       `add limit ip lvsmark l { rate over 10 mbytes/second burst 9000 kbytes }; add rule ip lvsmark prerouting limit name l drop`,
	"ct helper":                   `add ct helper ip lvsmark h { type "ftp" protocol tcp; }; add rule ip lvsmark prerouting ct helper set h`,
	"ct timeout":                  `add ct timeout ip lvsmark t { protocol tcp; policy = { established: 100, close: 4 }; }`,
	"ct expectation":              `add ct expectation ip lvsmark e { protocol tcp; dport 21; timeout 1m; size 12; }`,
	"synproxy":                    `add synproxy ip lvsmark s { mss 1460; wscale 7; timestamp sack-perm; }`,
	"flowtable":                   `add flowtable ip lvsmark f { hook ingress priority filter; devices = { lo }; counter; }; add chain ip lvsmark fw { type filter hook forward priority 0; }; add rule ip lvsmark fw flow add @f`,
	"base chain":                  `add chain ip lvsmark h { type filter hook input priority 5; policy drop; comment "by hand"; }; add rule ip lvsmark h tcp dport { 22, 80 } accept`,
	"route chain":                 `add chain ip lvsmark h { type route hook output priority mangle; }; add rule ip lvsmark h meta mark set 7`,
	"nat chain":                   `add chain ip lvsmark h { type nat hook prerouting priority dstnat; }; add rule ip lvsmark h tcp dport 8021 dnat to 192.0.2.1:21; add rule ip lvsmark h dnat ip to tcp dport map { 80 : 192.0.2.1 . 8080 }`,
	"chains that jump":            `add chain ip lvsmark a; add chain ip lvsmark b; add rule ip lvsmark a jump b; add rule ip lvsmark prerouting ip saddr 192.0.2.1 goto a; add rule ip lvsmark b counter drop`,
	"reference to our map":        `add chain ip lvsmark a; add rule ip lvsmark a ip daddr @masquerade_20 drop; add rule ip lvsmark prerouting jump { ip saddr @masquerade_20 counter drop; }`,
	"element of our set":          `add element ip lvsmark masquerade_20 { 192.0.2.9 comment "by hand" }`,
	"our chain flushed":           `flush chain ip lvsmark prerouting; add rule ip lvsmark prerouting tcp dport { 21 } accept`,
	"our set of another type":     `delete chain ip lvsmark postrouting; delete set ip lvsmark masquerade_20; add set ip lvsmark masquerade_20 { type inet_service; flags interval; elements = { 1-5 } }; add rule ip lvsmark prerouting tcp dport @masquerade_20 drop`,
	"our chain with other hook":   `delete chain ip lvsmark postrouting; add chain ip lvsmark postrouting { type filter hook output priority 0; }; add rule ip lvsmark postrouting tcp dport { 7, 8 } drop`,
	"dormant table":               `add table ip lvsmark { flags dormant; }; add rule ip lvsmark prerouting tcp dport { 7, 8 } drop; add counter ip lvsmark c; add rule ip lvsmark prerouting jump { counter name c; }`,
	"taken name of a table":       `add table ip lvsmark-next; add table ip lvsmark-next2; add table ip lvsmark { flags dormant; }; add rule ip lvsmark prerouting tcp dport { 7, 8 } drop`,
	"taken name of a set":         `add set ip lvsmark masquerade_20-next { type mark; }; delete element ip lvsmark tcp_21_10000-20000 { 198.51.100.21 }; add element ip lvsmark tcp_21_10000-20000 { 198.51.100.21 : 99 }; add map ip lvsmark tcp_21_10000-20000-next { type mark : mark; }; add rule ip lvsmark prerouting meter tcp_21_10000-20000-next2 size 9 { ip saddr counter }`,
}

// optionalKinds are kinds that not every kernel supports.
var optionalKinds = []string{"flowtable"}

// TestRestoreHandMade adds objects by hand, applies another spec and one of the same spec,
// many profiles and nothing, and restores: nft lists the ruleset as before.
func TestRestoreHandMade(t *testing.T) {
	spec, other := rehearse(t, parse(t, healSpec)), rehearse(t, parse(t, otherSpec))
	targets := []*nft.Ruleset{spec, rehearse(t, parse(t, read(t, "testdata/many-profiles.yaml"))), {}}
	for i, kind := range slices.Sorted(maps.Keys(handMade)) {
		t.Run(kind, func(t *testing.T) {
			for _, to := range []*nft.Ruleset{other, targets[i%len(targets)]} {
				inScratch(t, func() {
					conn := dial(t)
					apply(t, conn, spec)
					if out, err := try(strings.ReplaceAll(handMade[kind], "; add ", "\nadd ")); err != nil {
						require.Contains(t, optionalKinds, kind, out)
						t.Skipf("needs a kernel with %s: %s", kind, out)
					}
					checkRestored(t, conn, to)
				})
			}
		})
	}
}

// checkRestored applies a ruleset and restores the one before.
func checkRestored(t *testing.T, conn *nft.Conn, to *nft.Ruleset) {
	t.Helper()
	before, checkpoint := list(t, "ruleset"), snapshot(t, conn)
	others := foreignOf(t, conn)
	unrestorable, err := nft.Unrestorable(&checkpoint.Ruleset, to)
	require.NoError(t, err)
	assert.Empty(t, unrestorable)
	require.Empty(t, nft.Compare(&checkpoint.Ruleset, &snapshot(t, conn).Ruleset).Changes(), "a second snapshot")

	apply(t, conn, to)
	now := snapshot(t, conn)
	require.Empty(t, texts(nft.Compare(&now.Ruleset, to).Changes()))
	require.Equal(t, others, foreignOf(t, conn))

	restoreAll(t, conn, &checkpoint.Ruleset)
	assert.Equal(t, sortedLines(withoutTimes(before)), sortedLines(withoutTimes(list(t, "ruleset"))))
	now = snapshot(t, conn)
	assert.Empty(t, texts(nft.Compare(&now.Ruleset, &checkpoint.Ruleset).Changes()))
	assert.Equal(t, others, foreignOf(t, conn))
}

// TestRestoreLost restores objects that the kernel refuses, beside others: it restores the
// others, and names the refused ones and the rules that need them.
func TestRestoreLost(t *testing.T) {
	spec := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, spec)
		run(t, strings.ReplaceAll(handMade["sets in anonymous chains"]+"; "+handMade["counter"], "; add ", "\nadd "), "-f", "-")
		before, checkpoint := list(t, "ruleset"), snapshot(t, conn)
		checkpoint.Tables[0].AddRefused("prerouting")
		want := []string{
			"counter ip lvsmark refused", "rule ip lvsmark prerouting: [nosuch]", "rule ip lvsmark prerouting: counter name \"refused\"",
			"rule ip lvsmark prerouting: ip saddr @refused", "set ip lvsmark refused",
		}
		unrestorable, err := nft.Unrestorable(&checkpoint.Ruleset, spec)
		require.NoError(t, err)
		assert.ElementsMatch(t, want, namesOf(unrestorable))
		apply(t, conn, &nft.Ruleset{})

		restored, err := conn.Restore(&checkpoint.Ruleset)
		require.NoError(t, err)
		assert.True(t, restored.Changed)
		assert.ElementsMatch(t, want, namesOf(restored.Lost))
		assert.Equal(t, sortedLines(before), sortedLines(list(t, "ruleset")))

		restored, err = conn.Restore(&checkpoint.Ruleset)
		require.NoError(t, err)
		assert.False(t, restored.Changed)
		assert.ElementsMatch(t, want, namesOf(restored.Lost))
	})
}

func namesOf(lost []nft.LostObject) []string {
	var names []string
	for _, l := range lost {
		names = append(names, l.Name)
	}
	return names
}

// TestRestoreOrder restores sets in their order, though some stay and others are new.
func TestRestoreOrder(t *testing.T) {
	with := func(clusters string) *nft.Ruleset {
		return rehearse(t, parse(t, "clusters:\n"+clusters+"director: {sysctls: {net.ipv4.ip_default_ttl: 63}}\n"))
	}
	const (
		a = "  - {name: a, mark: 1, vips: [198.51.100.1], ports: [80], real-servers: [{address: 10.0.0.1}]}\n"
		b = "  - {name: b, mark: 2, vips: [198.51.100.2], ports: [81], real-servers: [{address: 10.0.0.1}]}\n"
		c = "  - {name: c, mark: 3, vips: [198.51.100.3], ftp: , real-servers: [{address: 10.0.0.1}]}\n"
	)
	for _, first := range []*nft.Ruleset{with(a), with(a + b), with(c), with(b + c)} {
		for _, second := range []*nft.Ruleset{with(b), with(c), with(a + c), with(b + a), {}} {
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, first)
				run(t, "add set ip lvsmark byhand { type ipv4_addr; }\nadd rule ip lvsmark prerouting ip saddr @byhand tcp dport { 1, 2 }", "-f", "-")
				before, checkpoint := list(t, "ruleset"), snapshot(t, conn)
				apply(t, conn, second)
				restoreAll(t, conn, &checkpoint.Ruleset)
				assert.Equal(t, before, list(t, "ruleset"))
			})
		}
	}
}

// TestVolatile changes what packets change: counters, quotas and elements of dynamic sets. It
// is no difference.
func TestVolatile(t *testing.T) {
	spec := rehearse(t, parse(t, healSpec))
	listing := func(packets, used, element string) string {
		return strings.NewReplacer("PACKETS", packets, "USED", used, "ELEMENT", element).Replace(`
add chain ip lvsmark c
add set ip lvsmark seen { type ipv4_addr; size 100; flags dynamic; }
add set ip lvsmark timed { type ipv4_addr; flags timeout; }
add set ip lvsmark counted { type ipv4_addr; counter; }
add element ip lvsmark seen { ELEMENT }
add element ip lvsmark timed { ELEMENT timeout 1h }
add element ip lvsmark counted { 192.0.2.9 counter packets PACKETS bytes 90 }
add rule ip lvsmark c counter packets PACKETS bytes 99
add rule ip lvsmark c quota over 5 mbytes used USED bytes
add rule ip lvsmark c tcp dport { 1, 2 } jump { counter packets PACKETS bytes 5; }
add rule ip lvsmark c meter m size 9 { ip saddr counter }
`)
	}
	snapshotOf := func(script string) (s *nft.Snapshot) {
		inScratch(t, func() {
			conn := dial(t)
			apply(t, conn, spec)
			run(t, script, "-f", "-")
			s = snapshot(t, conn)
		})
		return s
	}
	one := snapshotOf(listing("1", "10", "192.0.2.1"))
	two := snapshotOf(listing("2", "20", "192.0.2.2"))
	assert.Empty(t, texts(nft.Compare(&one.Ruleset, &two.Ruleset).Changes()))
	other := snapshotOf(strings.Replace(listing("1", "10", "192.0.2.1"), "{ 1, 2 }", "{ 1, 3 }", 1))
	assert.Len(t, nft.Compare(&one.Ruleset, &other.Ruleset).Changes(), 2, "another anonymous set")
	other = snapshotOf(strings.Replace(listing("1", "10", "192.0.2.1"), "over 5", "over 6", 1))
	assert.Len(t, nft.Compare(&one.Ruleset, &other.Ruleset).Changes(), 2, "another quota")
	other = snapshotOf(strings.Replace(listing("1", "10", "192.0.2.1"), "bytes 5; }", "bytes 5; drop; }", 1))
	assert.Len(t, nft.Compare(&one.Ruleset, &other.Ruleset).Changes(), 2, "another anonymous chain")
}

// TestRestoreUserdata restores data of a rule that a newer nft may write.
func TestRestoreUserdata(t *testing.T) {
	spec := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, spec)
		checkpoint := snapshot(t, conn)
		data := []byte{99, 2, 1, 2}
		checkpoint.Tables[0].Chain("prerouting").Rules[1].SetUserdata(data)
		apply(t, conn, &nft.Ruleset{})
		restoreAll(t, conn, &checkpoint.Ruleset)
		assert.Equal(t, data, snapshot(t, conn).Tables[0].Chain("prerouting").Rules[1].Userdata())
	})
}

// TestRestoreTaken: another program has replaced one of lvsmark's tables by its own. The other
// table is restored, the message names the one that is not, and nobody changes the program's.
func TestRestoreTaken(t *testing.T) {
	spec := rehearse(t, parse(t, `clusters: [{name: web, mark: 80, vips: [198.51.100.80, "2001:db8::80"], ports: [80], real-servers: [{address: 10.0.0.11}, {address: "2001:db8:1::11"}]}]`))
	for _, by := range []string{"", "add chain ip lvsmark prerouting\nadd rule ip lvsmark prerouting tcp dport 9 drop"} {
		inScratch(t, func() {
			conn := dial(t)
			apply(t, conn, spec)
			before, checkpoint := list(t, "table", "ip6", "lvsmark"), snapshot(t, conn)
			apply(t, conn, &nft.Ruleset{})
			run(t, "add table ip lvsmark\n"+by, "-f", "-")
			theirs := list(t, "table", "ip", "lvsmark")

			restored, err := conn.Restore(&checkpoint.Ruleset)
			require.NoError(t, err)
			assert.True(t, restored.Changed)
			require.Len(t, restored.Lost, 1)
			assert.Equal(t, "table ip lvsmark (another program has created a table with this name: delete it with nft, then apply the previous spec)", restored.Lost[0].String())
			assert.Equal(t, theirs, list(t, "table", "ip", "lvsmark"))
			assert.Equal(t, before, list(t, "table", "ip6", "lvsmark"))
		})
	}
}
