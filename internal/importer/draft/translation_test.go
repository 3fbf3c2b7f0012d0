package draft

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/iptables"
)

// TestTranslations: the matches of the rules that jump to a chain hold in it too.
func TestTranslations(t *testing.T) {
	for name, test := range map[string]struct{ rules, want string }{
		"base chain":                    {"-A POSTROUTING -s 10.0.0.0/24 -p tcp --sport 20 -j MASQUERADE", "[10.0.0.0/24] [20]"},
		"jump":                          {"-A POSTROUTING -s 10.0.0.0/24 -j u\n-A u -p tcp --sport 20 -j MASQUERADE", "[10.0.0.0/24] [20]"},
		"goto":                          {"-A POSTROUTING -p tcp --sport 20 -g u\n-A u -s 10.0.0.0/24 -j MASQUERADE", "[10.0.0.0/24] [20]"},
		"jump within a chain":           {"-A POSTROUTING -p tcp -j u\n-A u -s 10.0.0.0/24 -j v\n-A v -p tcp --sport 20 -j MASQUERADE", "[10.0.0.0/24] [20]"},
		"a part of the sources":         {"-A POSTROUTING -s 10.0.0.0/24 -j u\n-A u -s 10.0.0.11 -p tcp --sport 20 -j MASQUERADE", "[10.0.0.11] [20]"},
		"other sources":                 {"-A POSTROUTING -s 10.0.0.0/24 -j u\n-A u -s 10.9.0.0/24 -p tcp --sport 20 -j MASQUERADE", ""},
		"a part of the ports":           {"-A POSTROUTING -p tcp -m multiport --sports 20,989 -j u\n-A u -p tcp --sport 989 -j MASQUERADE", "[] [989]"},
		"other ports":                   {"-A POSTROUTING -p tcp --sport 20 -j u\n-A u -p tcp --sport 989 -j MASQUERADE", ""},
		"jump of another protocol":      {"-A POSTROUTING -p udp -j u\n-A u -j MASQUERADE", ""},
		"jump of other connections":     {"-A POSTROUTING -m conntrack --ctstate ESTABLISHED -j u\n-A u -j MASQUERADE", ""},
		"two jumps":                     {"-A POSTROUTING -s 10.0.0.1 -j u\n-A POSTROUTING -s 10.0.0.2 -j u\n-A u -j MASQUERADE", "[10.0.0.1] [] [10.0.0.2] []"},
		"a chain to which nobody jumps": {"-A u -j MASQUERADE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := iptables.ReadSave("iptables", "*nat\n:POSTROUTING ACCEPT [0:0]\n:u - [0:0]\n:v - [0:0]\n"+test.rules+"\nCOMMIT\n")
			require.NoError(t, err)
			var found []string
			for _, tr := range translationsOf(c.Chains) {
				var sources []string
				for _, s := range tr.sources {
					sources = append(sources, s.Addresses(tr.family))
				}
				found = append(found, fmt.Sprint(sources, " ", tr.ports))
			}
			assert.Equal(t, test.want, strings.Join(found, " "))
		})
	}
}

// TestManyJumps: each chain jumps to the next one three times. Without a limit, these are more
// than 3^16 rules.
func TestManyJumps(t *testing.T) {
	var b strings.Builder
	b.WriteString("*mangle\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n")
	const chains = 16
	for i := range chains {
		fmt.Fprintf(&b, ":c%d - [0:0]\n", i)
	}
	b.WriteString("-A PREROUTING -j c0\n-A POSTROUTING -j c0\n")
	for i := range chains - 1 {
		b.WriteString(strings.Repeat(fmt.Sprintf("-A c%d -j c%d\n", i, i+1), 3))
	}
	fmt.Fprintf(&b, "-A c%d -d 198.51.100.80 -p tcp --dport 80 -j MARK --set-mark 80\nCOMMIT\n", chains-1)
	c, err := iptables.ReadSave("iptables", b.String())
	require.NoError(t, err)
	d := &Draft{}
	assert.NotEmpty(t, boxesOf(c, d.remark))
	require.Len(t, d.Findings, 1)
	assert.Contains(t, d.Findings[0].Message, "chains jump to others too often")
	assert.Empty(t, translationsOf(c.Chains))
}
