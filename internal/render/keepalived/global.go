package keepalived

import (
	"fmt"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
)

// globalLines returns global_defs of a whole file. keepalived starts the sync daemons and sets
// the timeouts only if it owns IPVS; otherwise apply does. keepalived refuses scripts of root
// that others can change.
func globalLines(spec *config.Spec) []string {
	lines := []string{"enable_script_security", "script_user root"}
	if spec.Director.Bind {
		return lines
	}
	if sync := spec.Director.Sync; sync != nil {
		lines = append(lines, fmt.Sprintf("lvs_sync_daemon %s %s id %d maxlen %d port %d ttl %d group %s",
			sync.Device, instance, sync.ID, sync.MaxLen, sync.Port, sync.TTL, sync.Group))
	}
	return append(lines, timeoutLines(spec.Director.Timeouts)...)
}

// writeGlobals writes what virtual servers need of global_defs: keepalived joins several blocks
// of that name.
func writeGlobals(b *strings.Builder, spec *config.Spec, options render.Options) {
	lines := timeoutLines(spec.Director.Timeouts)
	if options.Check == checkFTP {
		b.WriteString("\n# keepalived runs checks as root, so no other user may be able to write their program.")
		lines = append([]string{"enable_script_security"}, lines...)
	}
	if len(lines) > 0 {
		b.WriteString("\n")
	}
	writeBlock(b, "", "global_defs", lines)
}

// timeoutLines returns the IPVS timeouts that the spec has, which keepalived sets when it starts
// and when it reloads. All versions since 1.3 accept up to 31 days, more than a spec may have.
func timeoutLines(t config.Timeouts) []string {
	var text strings.Builder
	for _, each := range []struct {
		name  string
		value time.Duration
	}{{"tcp", t.TCP}, {"tcpfin", t.TCPFin}, {"udp", t.UDP}} {
		if each.value > 0 {
			fmt.Fprintf(&text, " %s %d", each.name, int64(each.value.Seconds()))
		}
	}
	if text.Len() == 0 {
		return nil
	}
	return []string{"lvs_timeouts" + text.String()}
}
