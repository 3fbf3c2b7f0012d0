package nftname

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestKinds formats values as they are in registers.
func TestKinds(t *testing.T) {
	host := func(n uint32) []byte { return binary.NativeEndian.AppendUint32(nil, n) }
	for _, c := range []struct {
		kind          Kind
		value         []byte
		text, numeric string
	}{
		{Number, []byte{1, 0}, "256", "256"},
		{Number, make([]byte, 9), "0", "0"},
		{HostNumber, host(7), "7", "7"},
		{Hex, []byte{10}, "0xa", "0xa"},
		{Mark, host(21), "0x00000015", "0x00000015"},
		{Raw, []byte{0, 1, 2}, "0x102", "0x102"},
		{Raw, make([]byte, 17), "0x0000000000000000000000000000000000", "0x0000000000000000000000000000000000"},
		{Address, []byte{192, 0, 2, 1}, "192.0.2.1", "192.0.2.1"},
		{Address, []byte{1, 2, 3}, "0x10203", "0x10203"},
		{Hardware, []byte{0, 17, 34, 51, 68, 85}, "00:11:22:33:44:55", "00:11:22:33:44:55"},
		{String, []byte("ftp\x00"), `"ftp"`, `"ftp"`},
		{InterfaceName, []byte("eth"), `"eth*"`, `"eth*"`},
		{InterfaceName, []byte("eth0\x00"), `"eth0"`, `"eth0"`},
		{InterfaceName, []byte("0123456789abcdef"), `"0123456789abcdef"`, `"0123456789abcdef"`},
		{InterfaceIndex, host(1), `"lo"`, `"lo"`},
		{InterfaceIndex, host(7), "7", "7"},
		{ICMPType, []byte{8}, "echo-request", "8"},
		{ICMPType, []byte{77}, "77", "77"},
		{EtherType, []byte{0x12, 0x34}, "0x1234", "4660"},
		{DSCP, []byte{5}, "0x05", "5"},
		{TCPFlags, []byte{18}, "syn,ack", "18"},
		{TCPFlags, []byte{0}, "0x0", "0"},
		{CTState, host(6), "established,related", "6"},
		{CTState, host(1 << 20), "0x100000", "1048576"},
		{ClassID, host(0), "none", "none"},
		{ClassID, host(1<<32 - 1), "root", "root"},
		{ClassID, host(1<<16 | 2), "1:2", "1:2"},
		{Duration, host(90_500), "1m30s500ms", "90s"},
		{Duration, host(0), "0s", "0s"},
		{Duration, host(26 * 3600 * 1000), "1d2h", "93600s"},
		{Boolean, []byte{1}, "exists", "1"},
		{Boolean, host(0), "missing", "0"},
		{Label, append([]byte{2, 0, 0x80}, make([]byte, 13)...), "1,23", "1,23"},
	} {
		assert.Equal(t, c.text, c.kind.Text(c.value), "%d %v", c.kind, c.value)
		assert.Equal(t, c.numeric, c.kind.Numeric(c.value), "%d %v", c.kind, c.value)
	}
}

// TestFields finds the fields that make up bits of a header.
func TestFields(t *testing.T) {
	for _, c := range []struct {
		header                 string
		offset, bits, icmpType int
		want                   []string
	}{
		{"ip", 96, 32, -1, []string{"saddr"}},
		{"ip", 96, 64, -1, []string{"saddr", "daddr"}},
		{"ip", 96, 24, -1, nil},
		{"ip", 97, 32, -1, nil},
		{"icmp", 32, 32, -1, []string{"id", "sequence"}},
		{"icmp", 32, 32, 5, []string{"gateway"}},
		{"icmp", 48, 16, 3, []string{"mtu"}},
		{"icmp", 32, 16, 3, nil},
		{"icmp", 0, 8, 3, []string{"type"}},
		{"tcp option maxseg", 16, 16, -1, []string{"size"}},
		{"unknown", 0, 8, -1, nil},
	} {
		var names []string
		for _, f := range Fields(c.header, c.offset, c.bits, c.icmpType) {
			names = append(names, f.Name)
		}
		assert.Equal(t, c.want, names, "%+v", c)
	}
}
