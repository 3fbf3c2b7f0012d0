package iptables

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestChangingSets: a set with elements that expire, or that a rule changes, is not known.
func TestChangingSets(t *testing.T) {
	for _, c := range []struct {
		create, add []string
		rule        []string
		reason      string
	}{
		{create: []string{"hash:ip"}, add: []string{"timeout", "0"}},
		{create: []string{"hash:ip", "timeout", "0"}},
		{[]string{"hash:ip", "timeout", "600", "comment"}, nil, nil, "its elements expire"},
		{[]string{"hash:ip", "timeout", "0"}, []string{"comment", "x", "timeout", "60"}, nil, "its elements expire"},
		{[]string{"hash:ip"}, nil, []string{"-j", "SET", "--add-set", "s", "src"}, "changes it"},
		{[]string{"hash:ip"}, nil, []string{"-p", "tcp", "-j", "SET", "--del-se", "s", "src,dst"}, "changes it"},
		{create: []string{"hash:ip"}, rule: []string{"-j", "SET", "--map-set", "s", "src"}},
		{create: []string{"hash:ip"}, rule: []string{"-j", "ACCEPT"}},
	} {
		r := New()
		require.True(t, r.Set(Words(append([]string{"create", "s"}, c.create...)...), oldconfig.Line{}))
		require.True(t, r.Set(Words(append([]string{"add", "s", "10.0.0.1"}, c.add...)...), oldconfig.Line{}))
		if c.rule != nil {
			r.Command("iptables", Words(append([]string{"-A", "INPUT"}, c.rule...)...), oldconfig.Line{})
		}
		r.markChangedSets()
		_, elements, reason := (&parser{sets: &compiler{sets: r.sets}}).resolve("s")
		if c.reason == "" {
			assert.Empty(t, reason, c)
			assert.Len(t, elements, 1, c)
		} else {
			assert.Contains(t, reason, c.reason, c)
		}
	}
}
