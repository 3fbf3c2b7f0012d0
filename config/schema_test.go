package config_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/manual"
)

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := manual.Schema()
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("spec.json", document))
	compiled, err := compiler.Compile("spec.json")
	require.NoError(t, err)
	return compiled
}

// refusal returns why the schema refuses a YAML text, as an editor reads it.
func refusal(t *testing.T, schema *jsonschema.Schema, text []byte) error {
	t.Helper()
	var value any
	if err := yaml.Unmarshal(text, &value); err != nil {
		return err // a repeated key
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return err // a key that is no text
	}
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	return schema.Validate(value)
}

// TestSchemaAcceptsSpecs checks that the schema accepts random valid specs.
func TestSchemaAcceptsSpecs(t *testing.T) {
	schema := schema(t)
	for seed := range uint64(40) {
		text := specgen.YAML(specgen.Spec(rand.New(rand.NewPCG(seed, 16))))
		require.NoError(t, refusal(t, schema, []byte(text)), "%s", text)
	}
}

// TestSchemaAgrees changes random specs in single places. What the schema refuses, the
// decoders refuse; what they refuse, the schema refuses too, except for the mistakes in
// notInSchema.
func TestSchemaAgrees(t *testing.T) {
	schema := schema(t)
	r := rand.New(rand.NewPCG(16, 0))
	both, neither := 0, 0
	specs := shortSpecs()
	for range 2000 {
		text := mutant(t, r, specs[r.IntN(len(specs))])
		mistakes := config.DecodeMistakes(text)
		refused := refusal(t, schema, text)
		switch {
		case mistakes == nil && refused != nil:
			require.NoError(t, refused, "config accepts:\n%s", text)
		case mistakes != nil && refused == nil:
			for _, m := range mistakes.(config.Mistakes) {
				assert.True(t, isNotInSchema(m), "the schema accepts: %v\n%s", m, text)
			}
		case mistakes == nil:
			neither++
		default:
			both++
		}
	}
	assert.Greater(t, both, 100)
	assert.Greater(t, neither, 100)
}

// shortSpecs returns random specs of few clusters.
func shortSpecs() []string {
	var specs []string
	for seed := uint64(0); len(specs) < 10; seed++ {
		if text := specgen.YAML(specgen.Spec(rand.New(rand.NewPCG(seed, 17)))); len(text) < 2500 {
			specs = append(specs, text)
		}
	}
	return specs
}

// isNotInSchema reports whether a schema cannot describe the mistake: it depends on the
// text in YAML, on the order of two numbers, or on the meaning of an address.
func isNotInSchema(m config.Mistake) bool {
	notInSchema := []string{
		"in quotes", "twice", "is reversed", "at most", "0x", // quoted numbers, repeated keys, durations over the limit
		"is unspecified", "is multicast", "is broadcast", "0.0.0.0/8", "240.0.0.0/4", "loopback", "link-local", "IPv4-mapped", "zone",
		"host bits", "is not a network", "is not a range", "is one address", "ends before", "every address", "both families", "prefix length",
		"is an nft keyword", "is a table of iptables-nft", "is a table of firewalld", "is a table of libvirt", "is a pattern", "not a device name", "is no sender's",
		"has no condition", "below net.", "is not a name", "too long to be kept", "one line of ASCII", "needs a value",
	}
	return slices.ContainsFunc(notInSchema, func(part string) bool { return strings.Contains(m.Message, part) })
}

// mutant changes one value or key of a spec, or leaves it as it is.
func mutant(t *testing.T, r *rand.Rand, text string) []byte {
	t.Helper()
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &document))
	var places []*yaml.Node
	var collect func(n *yaml.Node)
	collect = func(n *yaml.Node) {
		places = append(places, n)
		for i, child := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 1 {
				collect(child)
			}
		}
	}
	collect(document.Content[0])
	change(r, places[r.IntN(len(places))])
	changed, err := yaml.Marshal(&document)
	require.NoError(t, err)
	return changed
}

func change(r *rand.Rand, n *yaml.Node) {
	switch kind := r.IntN(6); {
	case n.Kind == yaml.MappingNode && kind < 3 && len(n.Content) > 0:
		i := r.IntN(len(n.Content)/2) * 2
		if kind == 0 {
			*n.Content[i] = scalar(r)
			break
		}
		n.Content = slices.Delete(n.Content, i, i+2)
	case n.Kind == yaml.SequenceNode && kind < 2:
		n.Content = nil
	case kind < 4:
		*n = scalar(r)
	case kind == 4:
		copied := *n
		*n = yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{&copied}}
	default:
		key, value := scalar(r), *n
		*n = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{&key, &value}}
	}
}

func scalar(r *rand.Rand) yaml.Node {
	words := []string{
		"0", "1", "-1", "21", "0x15", "65535", "65536", "4294967295", "4294967296", "1.5", "true", "false", "null", "~", "text", "a b",
		"5m", "0s", "2h30m", "90", "1h1h", "31d", "10.0.0.1", "10.0.0.0/24", "10.0.0.1-10.0.0.9", "2001:db8::1", "2001:db8::/64", "::1",
		"300.0.0.1", "10-20", "20-10", "udp/53", "tcp/80-90", "icmp/1", "all", "none", "nat", "direct", "wlc", "sh-port", "snat", "gue",
		"02:00:00:00:00:02", "01:00:00:00:00:02", "eth0", "a/b", "net.ipv4.ip_forward", "kernel.x", "name", "address", "ftp", "ports",
	}
	n := yaml.Node{Kind: yaml.ScalarNode, Value: words[r.IntN(len(words))]}
	if r.IntN(4) == 0 {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
