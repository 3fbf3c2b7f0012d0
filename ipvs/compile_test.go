package ipvs_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

func parse(t *testing.T, yaml string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec
}

const twoFamilies = `
clusters:
  - name: ftp
    mark: 21
    vips: [2001:db8::21, 198.51.100.21]
    ftp: {}
    forwarding: direct
    persistence-netmask: 24
    real-servers:
      - {address: 10.0.0.12}
      - {address: 10.0.0.11, weight: 65535}
      - {address: 2001:db8:1::11, weight: 0}
  - name: web
    mark: 0xffffffff
    vips: [198.51.100.80]
    ports: [80, 443]
    forwarding: tunnel
    scheduler: mh
    persistence: 0
    real-servers: [{address: 10.0.0.13}]
`

func TestCompile(t *testing.T) {
	assert.Equal(t, []ipvs.VirtualService{
		{
			Service: ipvs.Service{
				Key:       ipvs.Key{Mark: 21, Family: config.IPv4},
				SchedName: "wlc", Timeout: 5 * time.Minute, Netmask: 24,
			},
			Destinations: []ipvs.Destination{
				{Address: netip.MustParseAddr("10.0.0.12"), Weight: 1, Forwarding: config.Direct},
				{Address: netip.MustParseAddr("10.0.0.11"), Weight: 65535, Forwarding: config.Direct},
			},
		},
		{
			Service: ipvs.Service{Key: ipvs.Key{Mark: 0xffffffff, Family: config.IPv4}, SchedName: "mh", Netmask: 32},
			Destinations: []ipvs.Destination{
				{Address: netip.MustParseAddr("10.0.0.13"), Weight: 1, Forwarding: config.Tunnel},
			},
		},
		{
			Service: ipvs.Service{
				Key:       ipvs.Key{Mark: 21, Family: config.IPv6},
				SchedName: "wlc", Timeout: 5 * time.Minute, Netmask: 24,
			},
			Destinations: []ipvs.Destination{
				{Address: netip.MustParseAddr("2001:db8:1::11"), Weight: 0, Forwarding: config.Direct},
			},
		},
	}, ipvs.Compile(parse(t, twoFamilies)))
}

func TestCompileWithoutBinding(t *testing.T) {
	spec := parse(t, twoFamilies)
	spec.Director.Bind = false
	assert.Nil(t, ipvs.Compile(spec))
}

func TestText(t *testing.T) {
	assert.Equal(t, `-A -f 21 -s wlc -p 300 -M 255.255.255.0
-a -f 21 -r 10.0.0.12:0 -g -w 1
-a -f 21 -r 10.0.0.11:0 -g -w 65535
-A -f 4294967295 -s mh
-a -f 4294967295 -r 10.0.0.13:0 -i -w 1 --tun-type ipip
-A -f 21 -6 -s wlc -p 300 -M 24
-a -f 21 -6 -r [2001:db8:1::11]:0 -g -w 0
`, ipvs.Text(ipvs.Compile(parse(t, twoFamilies))))
}

func TestTextOfHandMadeServices(t *testing.T) {
	assert.Equal(t, `-A -f 5 -s sh -p 10 -M 255.0.255.0 --pe sip -o -b sh-fallback,sh-port
-a -f 5 -r 10.0.0.1:80 -i -w 3 -x 10 -y 5 --tun-type gue --tun-port 6080 --tun-remcsum
-a -f 5 -r [2001:db8::1]:0 -i -w 1 --tun-type gre --tun-csum
`, ipvs.Text([]ipvs.VirtualService{handMade()}))
}

// handMade returns a service that Compile cannot produce.
func handMade() ipvs.VirtualService {
	return ipvs.VirtualService{
		Service: ipvs.Service{
			Key:       ipvs.Key{Mark: 5, Family: config.IPv4},
			SchedName: "sh", Timeout: 10 * time.Second,
			RawNetmask: 0xff00ff00, Flags: ipvs.OnePacket | ipvs.SHFallback | ipvs.SHPort, PEName: "sip",
		},
		Destinations: []ipvs.Destination{
			{
				Address: netip.MustParseAddr("10.0.0.1"), Port: 80, Weight: 3, Forwarding: config.Tunnel,
				UpperThreshold: 10, LowerThreshold: 5,
				Tunnel: ipvs.Tunnel{Type: 1, Port: 6080, Flags: 2},
			},
			{
				Address: netip.MustParseAddr("2001:db8::1"), Weight: 1, Forwarding: config.Tunnel,
				Tunnel: ipvs.Tunnel{Type: 2, Flags: 1},
			},
		},
	}
}

// TestCompileServiceKeys compiles the keys of services and real servers that few specs have.
func TestCompileServiceKeys(t *testing.T) {
	const spec = `
clusters:
  - name: web
    mark: 80
    vips: [198.51.100.80]
    ports: [80]
    scheduler: mh
    scheduler-flags: [mh-port, mh-fallback]
    persistence: 0
    real-servers:
      - {address: 10.0.0.11, port: 8080, upper-threshold: 100, lower-threshold: 70}
      - {address: 10.0.0.12, forwarding: direct}
      - {address: 10.0.0.13, forwarding: tunnel}
      - {address: 10.0.0.14, forwarding: tunnel, tunnel: {type: ipip}}
      - {address: 10.0.0.15, forwarding: tunnel, tunnel: {type: gue, port: 6080, checksum: remcsum}}
      - {address: 10.0.0.16, forwarding: tunnel, tunnel: {type: gre, checksum: csum}}
  - name: dns
    mark: 53
    vips: [198.51.100.53]
    ports: [udp/53]
    forwarding: tunnel
    scheduler: sh
    scheduler-flags: [sh-port]
    one-packet: true
    real-servers:
      - {address: 10.0.0.11, tunnel: {type: gue, port: 6080}}
      - {address: 10.0.0.12, forwarding: nat, upper-threshold: 5}
`
	assert.Equal(t, `-A -f 80 -s mh -b mh-fallback,mh-port
-a -f 80 -r 10.0.0.11:8080 -m -w 1 -x 100 -y 70
-a -f 80 -r 10.0.0.12:0 -g -w 1
-a -f 80 -r 10.0.0.13:0 -i -w 1 --tun-type ipip
-a -f 80 -r 10.0.0.14:0 -i -w 1 --tun-type ipip
-a -f 80 -r 10.0.0.15:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -f 80 -r 10.0.0.16:0 -i -w 1 --tun-type gre --tun-csum
-A -f 53 -s sh -p 300 -o -b sh-port
-a -f 53 -r 10.0.0.11:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -f 53 -r 10.0.0.12:0 -m -w 1 -x 5
`, ipvs.Text(ipvs.Compile(parse(t, spec))))
}

// TestCompileShard: the service of a shard has the scheduler of shards and no scheduler flags.
func TestCompileShard(t *testing.T) {
	const spec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp: {passive-ports: 10000-10199, passive-shards: 2}
    scheduler: sh
    scheduler-flags: [sh-port]
    real-servers: [{address: 10.0.0.11, shard: 0}, {address: 10.0.0.12, shard: 1}]
`
	shards := 0
	for _, s := range ipvs.Compile(parse(t, spec)) {
		if s.Mark == 21 {
			assert.Equal(t, "sh", s.SchedName)
			assert.Equal(t, uint32(ipvs.SHPort), s.Flags)
			continue
		}
		shards++
		assert.Equal(t, config.ShardScheduler, s.SchedName)
		assert.Zero(t, s.Flags)
	}
	assert.Equal(t, 2, shards)
}
