package firewall

import (
	"testing"

	"github.com/google/nftables/expr"
	"github.com/stretchr/testify/assert"
)

// TestStepKeys: different steps have different keys. Steps that depend on more than the part
// have none.
func TestStepKeys(t *testing.T) {
	one, two := interval{[]byte{0, 1}, []byte{0, 1}}, interval{[]byte{0, 1}, []byte{0, 2}}
	ports := func(v value, inverse bool, within ...interval) match { return match{v, test{within, inverse}} }
	destination := value{kind: port, name: "destination port", size: 2}
	steps := []step{
		condition{"iifname"},
		condition{"oifname"},
		verdict{expr.VerdictDrop, ""},
		verdict{expr.VerdictAccept, ""},
		verdict{expr.VerdictJump, "a"},
		verdict{expr.VerdictJump, "b"},
		verdict{expr.VerdictGoto, "b"},
		ports(destination, false, one), ports(destination, true, one), ports(destination, false, two), ports(destination, false, one, two),
		ports(value{kind: port, name: "source port", size: 2}, false, one), ports(value{kind: address, name: "destination port", size: 2}, false, one),
		ports(value{kind: port, name: "destination port", size: 4}, false, one),
	}
	keys := map[string]step{}
	for _, s := range steps {
		key, ok := appendStep([]byte("before"), s)
		assert.True(t, ok, "%#v", s)
		assert.NotContains(t, keys, string(key), "%#v", s)
		keys[string(key)] = s
	}
	changed := destination
	changed.change = bitwise([]byte{1}, nil)
	for _, s := range []step{
		ports(changed, false, one), ports(value{kind: mark, size: 4}, false, one), ports(value{kind: ctMark, size: 4}, false, one),
		ports(value{kind: state, size: 4}, false, one), ports(value{kind: constant, size: 2}, false, one), ports(destination, false, make([]interval, 256)...),
		notrack{},
		markSet{},
		lookup{},
		interception{effect: Rejects, ends: true},
	} {
		_, ok := appendStep(nil, s)
		assert.False(t, ok, "%#v", s)
	}
	_, ok := appendStep(nil, ports(destination, false, make([]interval, 255)...))
	assert.True(t, ok)
}
