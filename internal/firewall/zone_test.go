package firewall

import (
	"encoding/binary"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/stretchr/testify/assert"
)

// TestZoneOfTarget: `-j CT --zone` moves both directions, `--zone-orig` and `--zone-reply` one.
func TestZoneOfTarget(t *testing.T) {
	for _, c := range []struct {
		flags, zone uint16
		want        []step
	}{
		{0, 5, []step{zoneSet{}}},
		{16, 0, []step{zoneSet{}}}, // --zone mark
		{1, 0, []step{notrack{}}},
		{0, 0, []step{}},
		{4, 5, []step{}},
		{8, 5, []step{}},
		{4 | 16, 0, []step{}},
	} {
		info := binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, c.flags), c.zone)
		raw := xt.Unknown(append(info, make([]byte, 32)...))
		assert.Equal(t, c.want, stepsOf(t, &expr.Target{Name: "CT", Rev: 2, Info: &raw}), "%+v", c)
	}
}
