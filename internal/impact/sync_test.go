package impact

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestSync: a change of a sync daemon is safe, and says what the other director misses.
func TestSync(t *testing.T) {
	const on = "eth1 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"
	for _, c := range []struct{ name, before, after, detail string }{
		{config.SyncMasterSetting, config.SyncOff, on, ""},
		{config.SyncMasterSetting, on, config.SyncOff, "the other director no longer gets new connections of this one: they end if it takes over"},
		{config.SyncBackupSetting, on, config.SyncOff, "connections of the other director are no longer received: new ones end if this one takes over"},
		{config.SyncBackupSetting, on, "eth2" + on[4:], "the daemon is restarted: what is sent meanwhile is lost, until the connections are sent again"},
	} {
		assert.Equal(t, Impact{Effect: Safe, Detail: c.detail}, (&analyzer{}).setting(SettingChange{Name: c.name, Before: c.before, After: c.after}))
	}
}
