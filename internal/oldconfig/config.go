// Package oldconfig is the model of a configuration that serves packets without lvsmark:
// rules that set marks, IPVS services, and FTP servers. Packages below internal/importer
// read it from files of each language, or from the kernel. verify compares it with a spec;
// import makes a spec of it.
//
// It has no knowledge of a language. What a reader does not understand is kept with its
// line, and never left out.
package oldconfig

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
)

// A Config is what one or several files say. Its zero value says nothing.
type Config struct {
	Chains   []*Chain
	Services []*Service
	FTP      []*FTPServer
	Timeouts []Timeouts // in the order in which they are set

	Syncs   []*Sync
	VRRP    *VRRP    // nil: no file has one
	Applied *Applied // nil: the kernel was not read, or has no table of lvsmark

	// Sysctls are the other sysctls of IPVS, in the order in which they are set.
	Sysctls []Sysctl

	// Tracking is net.ipv4.vs.conntrack; nil: no file sets it.
	Tracking *Tracking

	// NotUnderstood are lines whose meaning the reader does not know. If one of them can
	// concern a packet of a cluster, nothing is proven.
	NotUnderstood []Remark

	// Findings are lines that are understood, and that a spec does not contain: health
	// checks, VRRP, a server that is switched off.
	Findings []Remark
}

// Join adds the content of another configuration.
func (c *Config) Join(other *Config) {
	c.Chains = append(c.Chains, other.Chains...)
	c.Services = append(c.Services, other.Services...)
	c.FTP = append(c.FTP, other.FTP...)
	c.Timeouts = append(c.Timeouts, other.Timeouts...)
	c.Syncs = append(c.Syncs, other.Syncs...)
	c.Sysctls = append(c.Sysctls, other.Sysctls...)
	if other.VRRP != nil {
		c.VRRP = other.VRRP
	}
	if other.Applied != nil {
		c.Applied = other.Applied
	}
	if other.Tracking != nil {
		c.Tracking = other.Tracking
	}
	c.NotUnderstood = append(c.NotUnderstood, other.NotUnderstood...)
	c.Findings = append(c.Findings, other.Findings...)
}

// Tracking is net.ipv4.vs.conntrack: whether connection tracking knows the connections of
// IPVS. Without it, tables of type nat do not apply to packets that IPVS sends.
type Tracking struct {
	On bool
	Line
}

// A Sysctl is a kernel parameter, such as net.ipv4.vs.expire_nodest_conn, with its value.
type Sysctl struct {
	config.Setting
	Line
}

// A Line is the source of an object: a line of a file, or an object of the kernel.
type Line struct {
	File   string // as given on the command line, or "kernel"
	Number int    // from 1; 0: the source has no lines, and Text names the object
	Text   string // the line, or the name of the object; not yet made printable
}

// String returns, for example, "fw.sh:12", or the name of the object.
func (l Line) String() string {
	if l.Number == 0 {
		return l.Excerpt()
	}
	return fmt.Sprintf("%s:%d", l.File, l.Number)
}

// A Remark is a message about a line.
type Remark struct {
	Line
	Message string // one sentence without the line's position
}

// A Family is an address family; a chain of nft's family inet is two chains.
type Family = config.Family
