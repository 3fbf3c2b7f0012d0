package lvsmark

import "testing"

// keysSpec has the keys of real servers and of IPVS services, source-nat, and a network of
// VIPs with a local route.
const keysSpec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21, 198.51.100.32/28]
    vip-device: vip0
    ftp:
    source-nat: masquerade
    scheduler: sh
    scheduler-flags: [sh-port, sh-fallback]
    real-servers:
      - {address: 10.0.0.11, upper-threshold: 10, lower-threshold: 5}
      - {address: 10.0.0.12, forwarding: tunnel, tunnel: {type: gue, port: 6080, checksum: csum}}
      - {address: 10.0.0.13, forwarding: tunnel, tunnel: {type: gre}}
  - {name: dns, mark: 53, vips: [198.51.100.53], ports: [udp/53], one-packet: true, persistence: 0, forwarding: direct, real-servers: [{address: 10.0.0.14}]}
  - {name: alt, mark: 81, vips: [198.51.100.81], ports: [sctp/81], persistence: 0, real-servers: [{address: 10.0.0.15, port: 8081}]}
`

// TestHealKeys is TestHeal for the objects of keysSpec.
func TestHealKeys(t *testing.T) {
	const (
		ftp    = `"service fwmark 21 IPv4": `
		alt    = `"service fwmark 81 IPv4": `
		first  = `"10.0.0.11:0 -m -w 1 -x 10 -y 5"`
		second = `"10.0.0.12:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum"`
		sh     = `"-f 21 -s sh -p 300 -b sh-fallback,sh-port"`
	)
	whole := newIPVSWorld(t)
	spec := parse(t, keysSpec)
	whole.apply(spec)
	for _, c := range []struct {
		name, by string
		heals    []string
	}{
		{"thresholds changed", "ipvsadm -e -f 21 -r 10.0.0.11:0 -m -w 1 -x 20 -y 0", []string{
			"edit real-server in " + ftp + `"10.0.0.11:0 -m -w 1 -x 20" -> ` + first,
		}},
		{"thresholds removed", "ipvsadm -e -f 21 -r 10.0.0.11:0 -m -w 1 -x 0 -y 0", []string{
			"edit real-server in " + ftp + `"10.0.0.11:0 -m -w 1" -> ` + first,
		}},
		{"forwarding of one real server changed", "ipvsadm -e -f 21 -r 10.0.0.11:0 -g -w 1 -x 10 -y 5", []string{
			"edit real-server in " + ftp + `"10.0.0.11:0 -g -w 1 -x 10 -y 5" -> ` + first,
		}},
		{"port of the tunnel changed", "ipvsadm -e -f 21 -r 10.0.0.12:0 -i -w 1 --tun-type gue --tun-port 6081 --tun-csum", []string{
			"edit real-server in " + ftp + `"10.0.0.12:0 -i -w 1 --tun-type gue --tun-port 6081 --tun-csum" -> ` + second,
		}},
		{"checksum of the tunnel changed", "ipvsadm -e -f 21 -r 10.0.0.12:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum", []string{
			"edit real-server in " + ftp + `"10.0.0.12:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum" -> ` + second,
		}},
		{"IP in IP", "ipvsadm -e -f 21 -r 10.0.0.13:0 -i -w 1", []string{
			"edit real-server in " + ftp + `"10.0.0.13:0 -i -w 1 --tun-type ipip" -> "10.0.0.13:0 -i -w 1 --tun-type gre --tun-nocsum"`,
		}},
		{"scheduler flags removed", "ipvsadm -E -f 21 -s sh -p 300", []string{
			`edit service in "": "-f 21 -s sh -p 300" -> ` + sh,
		}},
		{"one-packet removed", "ipvsadm -E -f 53 -s wlc", []string{
			`edit service in "": "-f 53 -s wlc" -> "-f 53 -s wlc -o"`,
		}},
		{"another port of a real server", "ipvsadm -d -f 81 -r 10.0.0.15:8081; ipvsadm -a -f 81 -r 10.0.0.15:8082 -m", []string{
			"add real-server in " + alt + `"" -> "10.0.0.15:8081 -m -w 1"`,
			"delete real-server in " + alt + `"10.0.0.15:8082 -m -w 1" -> ""`,
		}},
		{"conntrack turned off", "sysctl -qw net.ipv4.vs.conntrack=0", []string{
			`edit setting in "": "net.ipv4.vs.conntrack = 0" -> "net.ipv4.vs.conntrack = 1"`,
		}},
		{"route removed", "ip route delete local 198.51.100.32/28 dev vip0", []string{
			`add route in "device vip0": "" -> "local 198.51.100.32/28"`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) { (&world{t, whole.ns}).heals(spec, c.by, c.heals) })
	}
}
