package iptables

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// TestSetForms: ipset 7.17 and Linux 6.18 refuse the elements that are not understood, but for
// 10.1, which ipset reads as 10.0.0.1 and iptables as 10.1.0.0.
func TestSetForms(t *testing.T) {
	for _, c := range []struct {
		create, elements string
		understood       bool
	}{
		{"hash:ip", "10.0.0.010 10.0.0.1-10.0.0.5 10.0.1.0/24", true},
		{"hash:ip", "10.1", false},
		{"hash:ip", "10.1-10.2", false},
		{"hash:net", "10.0.0.0/8", true},
		{"hash:net", "0.0.0.0/0", false},
		{"hash:net", "0.0.0.0/1 128.0.0.0/1", true},
		{"hash:net family inet6", "::/0", false},
		{"hash:net,iface", "0.0.0.0/0,eth0", true},
		{"hash:net,port", "0.0.0.0/0,21", false},
		{"hash:ip,port,net", "10.0.0.1,21,0.0.0.0/0", false},
		{"hash:net,port,net", "0.0.0.0/0,21,0.0.0.0/0", true},
		{"bitmap:ip range 10.0.0.0-10.0.0.9", "10.0.0.9", true},
		{"bitmap:ip range 10.0.0.0-10.0.0.9", "10.0.0.10", false},
		{"bitmap:ip range 10.0.0.0/24", "10.0.0.250-10.0.1.2", false},
		{"bitmap:port range 20-30", "ftp 30", true},
		{"bitmap:port range 20-30", "31", false},
		{"hash:ip maxelem 2", "10.0.0.1 10.0.0.2", true},
		{"hash:ip maxelem 2", "10.0.0.1-10.0.0.3", false},
		{"hash:ip,port maxelem 2", "10.0.0.1,21-23", false},
		{"hash:net maxelem 2", "10.0.0.0/24 10.0.1.0/24", true},
		{"hash:net maxelem 2", "10.0.0.0/24 10.0.1.0/24 10.0.2.0/24", false},
		{"hash:ip", "10.0.0.0/16 10.1.0.0", false},
		{"hash:ip,port", "10.0.0.1,tcp:FTP", false},
		{"hash:ip,port", "10.0.0.1,udp:ftp", false},
	} {
		r := New()
		require.True(t, r.Set(Words(append([]string{"create", "s"}, strings.Fields(c.create)...)...), oldconfig.Line{}))
		for element := range strings.FieldsSeq(c.elements) {
			r.Set(Words("add", "s", element), oldconfig.Line{})
		}
		assert.Equal(t, c.understood, r.sets["s"].unknown == "", "%s: %s: %s", c.create, c.elements, r.sets["s"].unknown)
	}
}

// TestMarksOfElements: ipset refuses a skbmark without 0x.
func TestMarksOfElements(t *testing.T) {
	for text, understood := range map[string]bool{"0x7": true, "0x3/0xf": true, "7": false, "0x7/15": false, "07": false} {
		r := New()
		require.True(t, r.Set(Words("create", "s", "hash:ip", "skbinfo"), oldconfig.Line{}))
		r.Set(Words("add", "s", "10.0.0.1", "skbmark", text), oldconfig.Line{})
		assert.Equal(t, understood, r.sets["s"].unknown == "", text)
	}
}

// TestFlushedSet: a set has room again when it is flushed.
func TestFlushedSet(t *testing.T) {
	r := New()
	for _, command := range []string{"create s hash:ip maxelem 1", "add s 10.0.0.1", "flush s", "add s 10.0.0.2"} {
		require.True(t, r.Set(Words(strings.Fields(command)...), oldconfig.Line{}), command)
	}
	assert.Empty(t, r.sets["s"].unknown)
}
