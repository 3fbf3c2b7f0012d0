package peer_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestOrder: the order of the real servers matters to schedulers that choose by it.
func TestOrder(t *testing.T) {
	const a, b, c = "{address: 10.0.0.1}, ", "{address: 10.0.0.2}, ", "{address: 10.0.0.3, weight: 2}, "
	spec := func(scheduler, servers string) string {
		return fmt.Sprintf("clusters: [{name: ftp, mark: 21, vips: [192.0.2.1, '2001:db8::1'], ftp: , scheduler: %s, real-servers: [%s{address: 'fd00::1'}]}]", scheduler, servers)
	}
	differs := func(scheduler, first, second string) []string {
		return []string{fmt.Sprintf("service fwmark 21 IPv4: 10.0.0.%[2]s:0 before 10.0.0.%[3]s:0 here, 10.0.0.%[3]s:0 before 10.0.0.%[2]s:0 on the peer: scheduler %[1]s depends on the order of the real servers, so a client may get another real server after a fail-over", scheduler, first, second)}
	}
	for _, scheduler := range []string{"sh", "mh", "dh"} {
		assert.Equal(t, differs(scheduler, "1", "2"), differences(t, spec(scheduler, a+b), spec(scheduler, b+a)))
		assert.Equal(t, differs(scheduler, "2", "3"), differences(t, spec(scheduler, a+b+c), spec(scheduler, a+c+b)))
		assert.Empty(t, differences(t, spec(scheduler, a+b+c), spec(scheduler, a+b+c)))
		assert.Len(t, comparePlan(t, spec(scheduler, a+b), spec(scheduler, b+a)), 1)
		assert.Len(t, differences(t, spec(scheduler, a+b+c), spec(scheduler, a+c)), 1, "only the missing real server")
	}
	for _, scheduler := range []string{"fo", "ovf"} {
		assert.Equal(t, differs(scheduler, "1", "2"), differences(t, spec(scheduler, a+b), spec(scheduler, b+a)))
		assert.Empty(t, differences(t, spec(scheduler, a+b+c), spec(scheduler, a+c+b)), "3 has the highest weight")
	}
	assert.Empty(t, differences(t, spec("wlc", a+b+c), spec("wlc", c+b+a)))
	assert.Empty(t, comparePlan(t, spec("rr", a+b+c), spec("rr", c+b+a)))
	assert.Len(t, differences(t, spec("mh", a+b), spec("sh", b+a)), 2, "only the scheduler, in each family")
}
