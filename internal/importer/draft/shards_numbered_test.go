package draft

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestPassiveOfNumbered: the passive ports have the ports of shards without a real server too.
func TestPassiveOfNumbered(t *testing.T) {
	at := func(number int, low, high uint16) shard {
		return shard{number: number, ports: config.PortRange{Protocol: config.TCP, Low: low, High: high}}
	}
	for want, shards := range map[string][]shard{
		"10000-10019":              {at(0, 10000, 10009), at(1, 10010, 10019)},
		"10000-10029":              {at(0, 10000, 10009), at(2, 10020, 10029)},
		"10000-10019, 10050-10059": {at(0, 10000, 10009), at(2, 10050, 10059)},
		"19990-20009":              {at(1, 20000, 20009)},
		"30000-30019":              {at(0, 30000, 30009), at(0, 30000, 30009), at(1, 30010, 30019)}, // two families
	} {
		assert.Equal(t, want, portsText(passiveOfNumbered(shards)))
	}
	c := &cluster{own: true, shards: []shard{at(1, 10010, 10019), at(0, 10000, 10009)}}
	c.orderShards()
	assert.Equal(t, "10000-10019", portsText(c.passive))
}
