package doctor_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
)

// checks has one check of each result. The subject is the number of findings of b.
func checks() []doctor.Check[int] {
	return []doctor.Check[int]{
		{Name: "a", Run: func(int) ([]doctor.Finding, error) { return nil, nil }},
		{Name: "b", Why: "because", Run: func(n int) ([]doctor.Finding, error) {
			return make([]doctor.Finding, n), nil
		}},
		{Name: "c", Run: func(int) ([]doctor.Finding, error) {
			return []doctor.Finding{{Text: "partly", Apply: true}}, errors.New("unreadable")
		}},
	}
}

func TestRun(t *testing.T) {
	r := doctor.Run(checks(), 2)
	assert.Equal(t, doctor.Report{
		{Name: "a"},
		{Name: "b", Why: "because", Findings: make([]doctor.Finding, 2)},
		{Name: "c", Findings: []doctor.Finding{{Text: "partly", Apply: true}}, NotChecked: "unreadable"},
	}, r)
	assert.Equal(t, 3, r.Findings())
	assert.Equal(t, 1, r.Unchecked())
	assert.True(t, r.Appliable())
	assert.False(t, r[:2].Appliable())
}

func TestSelect(t *testing.T) {
	for _, c := range []struct {
		selection doctor.Selection
		want      []string
	}{
		{doctor.Selection{}, []string{"a", "b", "c"}},
		{doctor.Selection{Only: []string{"c", "a"}}, []string{"a", "c"}},
		{doctor.Selection{Skip: []string{"a"}}, []string{"b", "c"}},
		{doctor.Selection{Only: []string{"a", "b"}, Skip: []string{"a"}}, []string{"b"}},
	} {
		selected, err := doctor.Select(checks(), c.selection)
		require.NoError(t, err)
		assert.Equal(t, c.want, doctor.Names(selected))
	}
	for _, s := range []doctor.Selection{{Only: []string{"a"}, Skip: []string{"a"}}, {Skip: []string{"a", "b", "c"}}} {
		_, err := doctor.Select(checks(), s)
		require.ErrorIs(t, err, doctor.ErrNone)
	}
	for _, s := range []doctor.Selection{{Only: []string{"d"}}, {Skip: []string{"d"}}} {
		_, err := doctor.Select(checks(), s)
		require.ErrorIs(t, err, doctor.ErrUnknown)
		assert.EqualError(t, err, `unknown check "d": use one of a, b, c`)
	}
}

// TestOverhead has the headers of ip_vs_xmit.c.
func TestOverhead(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fd00::1")
	for _, c := range []struct {
		encapsulation config.Encapsulation
		to            netip.Addr
		want          int
	}{
		{config.Encapsulation{}, v4, 20},
		{config.Encapsulation{}, v6, 40},
		{config.Encapsulation{Type: config.GUE, Port: 6080}, v4, 32},
		{config.Encapsulation{Type: config.GUE, Port: 6080, Checksum: config.RemoteChecksum}, v4, 40},
		{config.Encapsulation{Type: config.GRE}, v4, 24},
		{config.Encapsulation{Type: config.GRE, Checksum: config.Checksum}, v6, 48},
	} {
		assert.Equal(t, c.want, doctor.Overhead(c.encapsulation, c.to))
	}
}

// files is a subject whose checks meet a file that cannot be read.
type files struct{ unread error }

func (f *files) TakeUnread() error {
	unread := f.unread
	f.unread = nil
	return unread
}

// TestUnread: a check that met a file that cannot be read is not made, but for what it found.
func TestUnread(t *testing.T) {
	reads := func(f *files) ([]doctor.Finding, error) {
		f.unread = errors.New("/etc/a: permission denied")
		return []doctor.Finding{{Text: "another file"}}, nil
	}
	misses := func(f *files) ([]doctor.Finding, error) {
		f.unread = errors.New("/etc/a: permission denied")
		return nil, errors.New("there is no configuration")
	}
	none := func(*files) ([]doctor.Finding, error) { return nil, nil }
	r := doctor.Run([]doctor.Check[*files]{{Name: "a", Run: reads}, {Name: "b", Run: misses}, {Name: "c", Run: none}}, &files{})
	assert.Equal(t, doctor.Report{
		{Name: "a", Findings: []doctor.Finding{{Text: "another file"}}, NotChecked: "/etc/a: permission denied"},
		{Name: "b", NotChecked: "/etc/a: permission denied"},
		{Name: "c"},
	}, r)
}
