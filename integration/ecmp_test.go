package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/integration/need"
)

// A router has a route to a VIP over three directors. ecmpClients clients have an FTP session
// each: a control connection and a data connection, each a flow.
type router struct {
	*equivalence.Namespace
	t     *testing.T
	group string // type and parameters of the next-hop group
}

// ecmpClients is the number of clients. With so many, the limits of TestECMP are six standard
// deviations away from the shares: the kernel's hash has another seed after each boot.
func ecmpClients() int {
	if testing.Short() {
		return 2000 // four
	}
	return 4000
}

// Policies of net.ipv4.fib_multipath_hash_policy.
const (
	hashAddresses = 0
	hashPorts     = 1
)

const (
	thresholdGroup = ""
	resilientGroup = " type resilient buckets 512 idle_timer 3600" // seconds: longer than the test on a slow machine
)

func newRouter(t *testing.T, policy int, group string) *router {
	t.Helper()
	r := &router{newEmpty(t), t, group}
	commands(t, r.Namespace,
		"ip link set lo up",
		"ip link add in0 type veth peer name in1", "ip link add out0 type veth peer name out1",
		"ip link set in0 up", "ip link set in1 up", "ip link set out0 up", "ip link set out1 up",
		"ip address add 203.0.113.1/16 dev in0", "ip address add 192.0.2.254/24 dev out0",
		fmt.Sprintf("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.in0.rp_filter=0 net.ipv4.fib_multipath_hash_policy=%d", policy))
	for i := 1; i <= 3; i++ {
		commands(t, r.Namespace, fmt.Sprintf("ip nexthop add id %d via 192.0.2.%[1]d dev out0", i))
	}
	commands(t, r.Namespace, "ip nexthop add id 10 group 1/2/3"+group, "ip route add 198.51.100.21/32 nhid 10")
	return r
}

// directors sets the directors of the group.
func (r *router) directors(group string) {
	r.t.Helper()
	commands(r.t, r.Namespace, "ip nexthop replace id 10 group "+group+r.group)
}

// control returns the director of each control connection, as the kernel selects it.
func (r *router) control() []string {
	return r.flows(func(i int) (from, to int) { return 20_000 + i, 21 })
}

// data returns the director of each data connection.
func (r *router) data() []string {
	return r.flows(func(i int) (from, to int) { return 40_000 + i, 10_000 + 2*i })
}

// flows returns the director of one flow of each client.
func (r *router) flows(ports func(i int) (from, to int)) (directors []string) {
	r.t.Helper()
	var batch strings.Builder
	for i := range ecmpClients() {
		from, to := ports(i)
		fmt.Fprintf(&batch, "route get 198.51.100.21 from 203.0.%d.%d iif in0 ipproto tcp sport %d dport %d\n", i/250, 1+i%250, from, to)
	}
	out, err := r.Run(batch.String(), "ip", "-oneline", "-batch", "-")
	require.NoError(r.t, err)
	for line := range strings.Lines(out) {
		_, via, found := strings.Cut(line, " via ")
		require.True(r.t, found, line)
		director, _, _ := strings.Cut(via, " ")
		directors = append(directors, director)
	}
	require.Len(r.t, directors, ecmpClients())
	return directors
}

// share returns how many of 100 flows meet a condition, of those that are counted.
func share(counted, met func(i int) bool) float64 {
	all, n := 0, 0
	for i := range ecmpClients() {
		if counted(i) {
			all++
			if met(i) {
				n++
			}
		}
	}
	return 100 * float64(n) / float64(max(all, 1))
}

// TestECMP measures which flows another director gets. docs/ecmp.md has the table.
func TestECMP(t *testing.T) {
	need.Root(t)
	need.Programs(t, "ip", "sysctl")
	const third = "192.0.2.3"
	every := func(int) bool { return true }
	for _, c := range []struct {
		policy                     int
		group                      string
		together, onLoss, onReturn [2]float64 // limits of the shares
	}{
		{hashAddresses, thresholdGroup, [2]float64{100, 100}, [2]float64{20, 30}, [2]float64{45, 55}},
		{hashPorts, thresholdGroup, [2]float64{25, 42}, [2]float64{20, 30}, [2]float64{45, 55}},
		{hashAddresses, resilientGroup, [2]float64{100, 100}, [2]float64{0, 0}, [2]float64{0, 0}},
		{hashPorts, resilientGroup, [2]float64{25, 42}, [2]float64{0, 0}, [2]float64{0, 0}},
	} {
		t.Run(fmt.Sprintf("policy %d%s", c.policy, c.group), func(t *testing.T) {
			r := newRouter(t, c.policy, c.group)
			control, data := r.control(), r.data()
			together := share(every, func(i int) bool { return control[i] == data[i] })
			r.directors("1/2")
			without := r.control()
			lost := share(func(i int) bool { return control[i] != third }, func(i int) bool { return control[i] != without[i] })
			r.directors("1/2/3")
			again := r.control()
			returned := share(every, func(i int) bool { return without[i] != again[i] })
			t.Logf("control and data on one director: %.0f %%; moved though their director stayed: %.0f %%; moved when it came back: %.0f %%", together, lost, returned)
			for _, limit := range []struct {
				got  float64
				want [2]float64
			}{{together, c.together}, {lost, c.onLoss}, {returned, c.onReturn}} {
				assert.GreaterOrEqual(t, limit.got, limit.want[0])
				assert.LessOrEqual(t, limit.got, limit.want[1])
			}
		})
	}
}
