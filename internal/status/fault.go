package status

import (
	"strings"
	"unicode/utf8"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// A SyncFault is a sync daemon of the spec that runs and does not work. Setting is its name in
// `lvsmark diff`: ipvs.sync.master or ipvs.sync.backup.
type SyncFault struct {
	Setting string `json:"setting"`
	Reason  string `json:"reason"`
}

// writeFaults writes the sync daemons that do not work.
func (r *Report) writeFaults(b *strings.Builder) {
	for _, f := range r.SyncFaults {
		b.WriteString("sync daemon " + daemonOf(f.Setting) + " does not work\n")
		b.WriteString(wrapped(printable.Line(f.Reason), "  # ") + "\n")
	}
	if len(r.SyncFaults) > 0 {
		b.WriteByte('\n')
	}
}

// daemonOf returns the daemon of a setting: master or backup.
func daemonOf(setting string) string {
	if setting == config.SyncMasterSetting {
		return "master"
	}
	return "backup"
}

// wrapped returns the words of a text in lines of at most 80 columns with an indent, as far as
// there are spaces.
func wrapped(text, indent string) string {
	line, lines := indent, ""
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case utf8.RuneCountInString(line+" "+word) < lineWidth:
			line += " " + word
		default:
			lines += line + "\n"
			line = indent + "  " + word
		}
	}
	return lines + line
}
