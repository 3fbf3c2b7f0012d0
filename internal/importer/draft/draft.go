// Package draft makes a spec of a configuration without lvsmark. It follows the structure
// of that configuration, rule by rule and service by service, so that each line of the
// spec can name the line that it comes from. It proves nothing: verify does.
package draft

import (
	"cmp"
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A Draft is a spec with remarks. It may lack what the configuration does not contain,
// such as real servers; a finding says so.
type Draft struct {
	clusters []*cluster
	director

	// Valid reports whether Check has found no mistakes in the spec.
	Valid bool

	// Findings are what the operator has to know or decide, in the order of the lines.
	Findings []oldconfig.Remark
}

// New makes a draft of the configuration.
func New(c *oldconfig.Config) *Draft {
	d := &Draft{director: director{bind: len(c.Services) > 0 || len(c.Chains) == 0}}
	d.Findings = append(slices.Clone(c.NotUnderstood), c.Findings...)
	boxes := d.directorKeys(d.joinProtocols(wholeElements(boxesOf(c, d.remark), c.Services)))
	d.checkFirstPackets(boxes)
	d.clusters = d.markedClusters(boxes)
	d.bindServices(c.Services)
	d.addAddressClusters(c)
	d.joinOwn()
	d.joinShards(c.FTP)
	translations := translationsOf(c.Chains)
	unclaimed := d.unclaimed(translations, c.FTP)
	d.findOwnFTP(c, translations)
	for _, cl := range d.clusters {
		if !cl.own {
			d.checkNetworks(cl)
			d.findFTP(cl, c.FTP, unclaimed)
			d.findActiveData(cl, translations)
		}
		d.findSourceNAT(cl, translations, c.Tracking)
		d.checkRealServers(cl)
		d.checkFlags(cl)
	}
	d.checkControlPorts(c.FTP)
	d.clusters = merge(d.clusters)
	d.nameClusters()
	d.takeSettings(c)
	if c.Applied != nil {
		d.findDevices(c.Applied.Devices)
	}
	d.sortFindings()
	d.Findings = slices.CompactFunc(d.Findings, func(a, b oldconfig.Remark) bool { return a == b })
	return d
}

func (d *Draft) remark(at oldconfig.Line, format string, args ...any) {
	d.Findings = append(d.Findings, oldconfig.NewRemark(at, format, args...))
}

// sortFindings orders the findings by file, in the order of their first findings, and line.
func (d *Draft) sortFindings() {
	files := map[string]int{}
	for _, f := range d.Findings {
		if _, known := files[f.File]; !known {
			files[f.File] = len(files)
		}
	}
	slices.SortStableFunc(d.Findings, func(a, b oldconfig.Remark) int {
		return cmp.Or(cmp.Compare(files[a.File], files[b.File]), cmp.Compare(a.Number, b.Number))
	})
}

// directorKeys takes keep-marks and local-clients: marks that are set once more in another
// hook. It returns the boxes of prerouting, and those of input that are not set there.
func (d *Draft) directorKeys(all []box) []box {
	byHook := map[oldconfig.Hook]map[uint32]bool{oldconfig.Prerouting: {}, oldconfig.Input: {}, oldconfig.Output: {}}
	for _, b := range all {
		byHook[b.hook][b.mark] = true
	}
	return slices.DeleteFunc(all, func(b box) bool {
		again := byHook[oldconfig.Prerouting][b.mark]
		switch b.hook {
		case oldconfig.Input:
			d.keepMarks = d.keepMarks || again
			return again
		case oldconfig.Output:
			d.localClients = d.localClients || again
			return true
		}
		return false
	})
}

// checkFirstPackets finds out whether the rules mark first packets only. Of other protocols
// than TCP, marks: first-packet marks every packet.
func (d *Draft) checkFirstPackets(all []box) {
	boxes := slices.DeleteFunc(slices.Clone(all), func(b box) bool { return !b.hasTCP() })
	first := 0
	for _, b := range boxes {
		if b.firstPackets {
			first++
		}
	}
	d.firstPackets = first > 0 && first == len(boxes)
	if first == 0 || d.firstPackets {
		return
	}
	for _, b := range boxes {
		if b.firstPackets {
			d.remark(b.line, "the rule marks the first packets of connections, other rules mark every packet; the spec marks every packet")
		}
	}
}
