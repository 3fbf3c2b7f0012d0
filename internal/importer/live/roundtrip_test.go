package live

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/thread"
	"github.com/lvsmark/lvsmark/internal/verify"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestRoundTrip commits the tables of random specs, reads them back with the services and
// addresses that an apply makes, and imports that: the spec compiles to the same tables,
// services, settings and addresses. TestLive of integration/moving does so with the kernel's IPVS.
func TestRoundTrip(t *testing.T) {
	need.Root(t)
	hidden, unknown := 0, 0
	seeds := uint64(150)
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		spec := withDevices(specgen.Spec(rand.New(rand.NewPCG(seed, 2))))
		if spec == nil {
			continue
		}
		old := readBack(t, spec)
		d := draft.New(old)
		if strings.Contains(texts(d.Findings), "no rule sets mark") {
			hidden++ // all VIPs of a cluster are also those of another one
			continue
		}
		if strings.Contains(texts(d.Findings), "of no cluster") {
			unknown++ // clusters that share real servers translate them from different ports
			continue
		}
		require.NoError(t, d.Check(old))
		what := fmt.Sprintf("seed %d\n%s%s\n%s", seed, texts(d.Findings), d.Text(), specgen.YAML(spec))
		require.True(t, d.Valid, what)
		assert.NotContains(t, texts(d.Findings), "a spec cannot contain", what)
		imported, _, err := config.Parse("imported", strings.NewReader(d.Text()))
		require.NoError(t, err, what)
		difference := nft.Compare(rehearsed(t, spec), rehearsed(t, imported))
		assert.Empty(t, changes(difference), what)
		assert.Equal(t, sorted(ipvs.Compile(spec)), sorted(ipvs.Compile(imported)), what)
		assert.Equal(t, sortedAddresses(spec), sortedAddresses(imported), what)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d specs have hidden VIPs, %d translations that two clusters may have", hidden, unknown)
	assert.Less(t, hidden+unknown, int(seeds/10))
}

func changes(d *nft.Difference) (texts []string) {
	for _, c := range d.Changes() {
		texts = append(texts, fmt.Sprintf("%s %s: %s -> %s", c.Op, c.Where(), c.BeforeText(), c.AfterText()))
	}
	return texts
}

func texts(findings []oldconfig.Remark) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s: %s\n", f.Line, f.Message)
	}
	return b.String()
}

// withDevices returns the spec with a device for each cluster, by its mark.
func withDevices(spec *config.Spec) *config.Spec {
	spec.Director.Bind = true
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		c.VIPDevice = []string{"", "dev0", "dev1"}[c.Mark%3]
	}
	if len(spec.Clusters)%2 == 0 {
		spec.Director.Timeouts = config.Timeouts{TCP: 7200e9, UDP: 60e9}
	}
	if len(spec.Clusters)%3 == 0 {
		spec.Director.Sysctls = []config.Sysctl{{Name: "net.ipv4.vs.expire_nodest_conn", Value: "1"}, {Name: "net.ipv4.vs.sync_threshold", Value: "3 50"}}
	}
	return specgen.Check(spec)
}

func rehearsed(t *testing.T, spec *config.Spec) *nft.Ruleset {
	t.Helper()
	list, err := nft.Rehearse(nft.Compile(spec))
	require.NoError(t, err)
	return list
}

// readBack returns what the kernel says after an apply of the spec.
func readBack(t *testing.T, spec *config.Spec) *oldconfig.Config {
	t.Helper()
	c, err := thread.Call(func() (*oldconfig.Config, error) { return commitAndRead(spec) })
	require.NoError(t, err)
	return c
}

func commitAndRead(spec *config.Spec) (*oldconfig.Config, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	before, err := conn.Snapshot()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Commit(nft.Compare(&before.Ruleset, nft.Compile(spec)), before.Generation); err != nil {
		return nil, err
	}
	c, own, err := readNFT()
	if err != nil {
		return nil, err
	}
	for _, v := range ipvs.Compile(spec) {
		c.Services = append(c.Services, verify.FromKernel(v, oldconfig.Line{File: source, Text: "service " + v.Key.String()}, ""))
	}
	c.Tracking = &oldconfig.Tracking{On: spec.TranslatesClients()}
	var addresses []hostaddr.Local
	for _, a := range hostaddr.Compile(spec) {
		addresses = append(addresses, hostaddr.Local{Address: a, Ours: true})
	}
	addRecords(c, own, addresses)
	return c, nil
}

// sorted returns the services in the order of their keys.
func sorted(services []ipvs.VirtualService) []ipvs.VirtualService {
	for _, s := range services {
		slices.SortFunc(s.Destinations, func(a, b ipvs.Destination) int { return a.Address.Compare(b.Address) })
	}
	slices.SortFunc(services, func(a, b ipvs.VirtualService) int { return a.Key.Compare(b.Key) })
	return services
}

func sortedAddresses(spec *config.Spec) []string {
	var list []string
	for _, a := range hostaddr.Compile(spec) {
		list = append(list, a.String())
	}
	slices.Sort(list)
	return list
}
