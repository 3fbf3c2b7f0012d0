package lvsmark

import (
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestCheckForeignTables: a table of another program is refused if it has the family and
// the name of one of the spec's.
func TestCheckForeignTables(t *testing.T) {
	desired := &nft.Ruleset{Tables: []*nft.Table{{Family: nft.IPv4, Name: "a"}, {Family: nft.IPv6, Name: "b"}}}
	for name, c := range map[nft.TableName]string{
		{Family: nft.IPv4, Name: "a"}: "table ip a exists and is not lvsmark's: choose another name in director.table, or delete that table",
		{Family: nft.IPv6, Name: "b"}: "table ip6 b exists and is not lvsmark's: choose another name in director.table, or delete that table",
		{Family: nft.IPv6, Name: "a"}: "",
		{Family: nft.IPv4, Name: "b"}: "",
		{Family: nft.Inet, Name: "a"}: "",
	} {
		live := &nft.Snapshot{Foreign: []nft.TableName{{Family: nft.IPv4, Name: "other"}, name}}
		err := checkForeignTables(live, desired)
		if c == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, c)
	}
}

// TestDiffSettings: the ledger keeps the value before the first change, and put back does
// not override another process.
func TestDiffSettings(t *testing.T) {
	long := strings.Repeat("1", nft.PreviousLimit)
	set := func(name, before, after string) settingChange {
		return settingChange{name: name, before: before, after: after}
	}
	gone := fmt.Errorf("%w: %w d0", fs.ErrNotExist, sysctl.ErrNoDevice)
	for name, c := range map[string]struct {
		ledger        map[string]nft.Setting
		now           map[string]observed
		want          map[string]string
		exact         bool
		set, putBack  []settingChange
		entries       map[string]nft.Setting
		notes, failed string
		lost          []nft.LostObject
	}{
		"equal":              {now: map[string]observed{"a": {value: "1"}}, want: map[string]string{"a": "1"}, entries: map[string]nft.Setting{"a": {Value: "1"}}},
		"changed":            {now: map[string]observed{"a": {value: "0"}}, want: map[string]string{"a": "1"}, set: []settingChange{set("a", "0", "1")}, entries: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}},
		"changed again":      {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {value: "1"}}, want: map[string]string{"a": "2"}, set: []settingChange{set("a", "1", "2")}, entries: map[string]nft.Setting{"a": {Value: "2", Previous: "0", Changed: true}}},
		"unreadable":         {now: map[string]observed{"a": {err: errFake}}, want: map[string]string{"a": "1"}, failed: "the kernel says no"},
		"as long as allowed": {now: map[string]observed{"a": {value: long}}, want: map[string]string{"a": "1"}, set: []settingChange{set("a", long, "1")}, entries: map[string]nft.Setting{"a": {Value: "1", Previous: long, Changed: true}}},
		"too long":           {now: map[string]observed{"a": {value: long + "1"}}, want: map[string]string{"a": "1"}, failed: "a: delete could not restore its current value, which has 121 bytes: the ledger holds at most 120; set it by other means"},
		"too long, exact":    {now: map[string]observed{"a": {value: long + "1"}}, want: map[string]string{"a": "1"}, exact: true, set: []settingChange{set("a", long+"1", "1")}, entries: map[string]nft.Setting{"a": {Value: "1", Previous: long + "1", Changed: true}}},

		"put back":                   {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {value: "1"}}, putBack: []settingChange{set("a", "1", "0")}},
		"put back already":           {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {value: "0"}}},
		"set by another":             {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {value: "2"}}, notes: "a is left at 2: another process set it after lvsmark set 1"},
		"set by another, exact":      {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {value: "2"}}, exact: true, putBack: []settingChange{set("a", "2", "0")}},
		"no previous value":          {ledger: map[string]nft.Setting{"a": {Value: "1"}}, now: map[string]observed{"a": {value: "1"}}, notes: "a is left at 1: the ledger has no previous value. Either it had this value before the first apply, or the ruleset was flushed or reloaded since; `sysctl -w a=VALUE` sets another value"},
		"no previous value, exact":   {ledger: map[string]nft.Setting{"a": {Value: "1"}}, now: map[string]observed{"a": {value: "1"}}, exact: true},
		"missing":                    {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {err: fs.ErrNotExist}}, notes: "a cannot be put back to 0: file does not exist"},
		"missing with IPVS":          {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {err: ipvs.ErrNoIPVS}}, notes: "a cannot be put back to 0: " + ipvs.ErrNoIPVS.Error()},
		"missing, exact":             {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {err: fs.ErrNotExist}}, exact: true, failed: "file does not exist"},
		"device gone, exact":         {now: map[string]observed{"a": {err: gone}}, want: map[string]string{"a": "1"}, exact: true, entries: map[string]nft.Setting{"a": {}}, lost: []nft.LostObject{{Name: "a", Err: gone}}},
		"device gone later, exact":   {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {err: gone}}, exact: true, lost: []nft.LostObject{{Name: "a", Err: gone}}},
		"device gone":                {now: map[string]observed{"a": {err: gone}}, want: map[string]string{"a": "1"}, failed: gone.Error()},
		"device gone, put back":      {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {err: gone}}, notes: "a cannot be put back to 0: " + gone.Error()},
		"ENOENT of netlink":          {ledger: map[string]nft.Setting{config.TimeoutUDP: {Value: "60", Previous: "300", Changed: true}}, now: map[string]observed{config.TimeoutUDP: {err: unix.ENOENT}}, failed: "no such file or directory"},
		"ENOENT, sync daemon":        {ledger: map[string]nft.Setting{config.SyncMasterSetting: {Value: "on", Previous: config.SyncOff, Changed: true}}, now: map[string]observed{config.SyncMasterSetting: {err: unix.ENOENT}}, failed: "no such file or directory"},
		"unreadable, to be put back": {ledger: map[string]nft.Setting{"a": {Value: "1", Previous: "0", Changed: true}}, now: map[string]observed{"a": {err: errFake}}, failed: "the kernel says no"},
	} {
		t.Run(name, func(t *testing.T) {
			want := &Desired{exact: c.exact}
			for key, value := range c.want {
				want.settings = append(want.settings, config.Setting{Name: key, Value: value})
			}
			p := &Plan{}
			err := p.diffSettings(&State{ledger: nft.Ledger{Settings: c.ledger}, settings: c.now}, want)
			if c.failed != "" {
				require.EqualError(t, err, c.failed)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.set, p.settings.set)
			assert.Equal(t, c.putBack, p.settings.putBack)
			if c.entries == nil {
				c.entries = map[string]nft.Setting{}
			}
			assert.Equal(t, c.entries, p.settings.ledger)
			assert.Equal(t, c.notes, strings.Join(p.notes, "; "))
			assert.Equal(t, c.lost, p.lost)
		})
	}
}

// TestDiffAddresses: lvsmark adds missing VIPs and removes only addresses that it added.
func TestDiffAddresses(t *testing.T) {
	at := func(device, ip string) hostaddr.Address {
		return hostaddr.Address{Device: device, IP: netip.MustParseAddr(ip)}
	}
	kept, foreign, old, missing, elsewhere := at("d", "192.0.2.1"), at("d", "192.0.2.2"), at("d", "192.0.2.3"), at("d", "192.0.2.4"), at("e", "192.0.2.1")
	have := &State{addresses: []hostaddr.Local{{Address: kept, Ours: true}, {Address: foreign}, {Address: old, Ours: true}, {Address: at("d", "192.0.2.9")}}}
	p := &Plan{}
	require.NoError(t, p.diffAddresses(have, &Desired{addresses: []hostaddr.Address{kept, foreign, missing, elsewhere}}))
	assert.Equal(t, []hostaddr.Address{missing, elsewhere}, p.addresses.added)
	assert.Equal(t, []hostaddr.Address{old}, p.addresses.removed)
	assert.Equal(t, []hostaddr.Address{kept, foreign, old, at("d", "192.0.2.9")}, p.addresses.present)

	have.devices = map[string]error{"d": nil, "e": errFake}
	require.EqualError(t, (&Plan{}).diffAddresses(have, &Desired{addresses: []hostaddr.Address{missing, elsewhere}}),
		"vip-device e of VIP 192.0.2.1: the kernel says no; `ip link` lists the devices")
}

// TestDiffServices: lvsmark changes the services of its ledger, and takes over others only
// if they are as desired or are adopted.
func TestDiffServices(t *testing.T) {
	service := func(mark uint32, scheduler string) ipvs.VirtualService {
		return ipvs.VirtualService{Service: ipvs.Service{Key: ipvs.Key{Mark: mark, Family: config.IPv4}, SchedName: scheduler, Netmask: 32}}
	}
	ledger := func(marks ...uint32) nft.Ledger {
		l := nft.Ledger{Bound: map[nft.BoundMark]string{}}
		for _, m := range marks {
			l.Bound[nft.BoundMark{Family: config.IPv4, Mark: m}] = "cluster"
		}
		return l
	}
	const differs = "IPVS service is not lvsmark's: fwmark 1 IPv4 exists and differs from the spec; take it over in place with `apply --adopt`, remove it with ipvsadm, or give the cluster another mark"
	rr, wlc := []ipvs.VirtualService{service(1, "rr")}, []ipvs.VirtualService{service(1, "wlc")}
	for name, c := range map[string]struct {
		have, want   []ipvs.VirtualService
		ledger, next nft.Ledger
		adopt, exact bool
		noIPVS       error
		ops          []ipvs.Op
		failed       string
	}{
		"new":                       {want: rr, next: ledger(1), ops: []ipvs.Op{ipvs.AddService}},
		"ours, edited":              {have: wlc, want: rr, ledger: ledger(1), next: ledger(1), ops: []ipvs.Op{ipvs.EditService}},
		"ours, removed":             {have: rr, ledger: ledger(1), ops: []ipvs.Op{ipvs.DelService}},
		"foreign":                   {have: wlc, want: rr, next: ledger(1), failed: differs},
		"foreign, the same":         {have: rr, want: rr, next: ledger(1)},
		"foreign, adopted":          {have: wlc, want: rr, next: ledger(1), adopt: true, ops: []ipvs.Op{ipvs.EditService}},
		"foreign, another mark":     {have: []ipvs.VirtualService{service(2, "rr")}, want: rr, next: ledger(1), ops: []ipvs.Op{ipvs.AddService}},
		"saved, of another program": {have: wlc, want: rr, exact: true, adopt: true},
		"saved, ours now":           {have: wlc, want: rr, ledger: ledger(1), exact: true, adopt: true, ops: []ipvs.Op{ipvs.EditService}},
		"saved, ours before":        {have: wlc, want: rr, next: ledger(1), exact: true, adopt: true, ops: []ipvs.Op{ipvs.EditService}},
		"no IPVS, nothing wanted":   {ledger: ledger(1), noIPVS: errFake},
		"no IPVS":                   {want: rr, noIPVS: errFake, failed: "the kernel says no"},
		"no IPVS, saved":            {exact: true, noIPVS: errFake, failed: "the kernel says no"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Plan{}
			err := p.diffServices(&State{services: c.have, ledger: c.ledger, noIPVS: c.noIPVS}, &Desired{services: c.want, adopt: c.adopt, exact: c.exact}, c.next)
			if c.failed != "" {
				require.EqualError(t, err, c.failed)
				return
			}
			require.NoError(t, err)
			var ops []ipvs.Op
			for _, change := range p.services {
				ops = append(ops, change.Op)
			}
			assert.Equal(t, c.ops, ops)
		})
	}
}
