package verify

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

const spec = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp:
      control-ports: [21]
      passive-ports: 10000-20000
      active-data: {translate: masquerade, source: 10.0.0.0/24, ports: [20]}
    persistence: 5m
    real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]
`

const iptables = `*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 21 -j MARK --set-xmark 0x7/0xffffffff
-A PREROUTING -d 198.51.100.21/32 -p tcp -m tcp --dport 10000:20000 -j MARK --set-xmark 0x7/0xffffffff
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/24 -p tcp -m tcp --sport 20 -j MASQUERADE
COMMIT
`

const ipvsadm = `-A -f 7 -s wlc -p 300
-a -f 7 -r 10.0.0.12:0 -m -w 1
-a -f 7 -r 10.0.0.11:0 -m -w 1
`

func compare(t *testing.T, spec string, files ...string) *Report {
	t.Helper()
	parsed, _, err := config.Parse("spec.yaml", strings.NewReader(spec))
	require.NoError(t, err)
	old := &oldconfig.Config{}
	for _, f := range files {
		c, err := importer.Read("old", strings.NewReader(f))
		require.NoError(t, err)
		old.Join(c)
	}
	r, err := Compare(old, parsed)
	require.NoError(t, err)
	return r
}

func TestRecipe(t *testing.T) {
	r := compare(t, spec, iptables, ipvsadm)
	assert.Equal(t, "equivalent", r.Answer(), "%+v", r)
	t.Log(r.Text())
}

func TestDifferences(t *testing.T) {
	for name, c := range map[string]struct {
		iptables, ipvsadm string // replacements
		want              string // part of a kind of difference
		packet            string
	}{
		"range":       {iptables: "10000:20000>10000:19999", want: "not served before, served after", packet: "198.51.100.21:20000"},
		"VIP":         {iptables: "198.51.100.21/32>198.51.100.20/31", want: "served before, not served after", packet: "198.51.100.20:21"},
		"weight":      {ipvsadm: "-m -w 1>-m -w 2", want: "real servers", packet: "198.51.100.21:21"},
		"scheduler":   {ipvsadm: "wlc>rr", want: "scheduler", packet: "198.51.100.21:21"},
		"persistence": {ipvsadm: "-p 300>-p 60", want: "persistence", packet: "198.51.100.21:21"},
		"mask":        {iptables: "0x7/0xffffffff>0x17/0x10", want: "not served before", packet: "198.51.100.21:21"},
	} {
		t.Run(name, func(t *testing.T) {
			replace := func(text, pair string) string {
				if from, to, ok := strings.Cut(pair, ">"); ok {
					return strings.ReplaceAll(text, from, to)
				}
				return text
			}
			r := compare(t, spec, replace(iptables, c.iptables), replace(ipvsadm, c.ipvsadm))
			require.NotEmpty(t, r.Differences)
			d := r.Differences[0]
			assert.Contains(t, d.Kind, c.want, "%+v", d)
			assert.Equal(t, c.packet, d.Packet.To.String())
		})
	}
}
