// Package status compares the services of a spec with those of the kernel, and adds
// weights, connections, statistics and the use of passive ports. It works on values and
// makes no system call. The JSON form of a Report is that of `lvsmark status -o json`.
package status

import (
	"github.com/lvsmark/lvsmark/ipvs"
)

// A State is the result of the comparison with the spec.
type State string

// The states of clusters, services and real servers.
const (
	InSync  State = "in sync" // as in the spec
	Drifted State = "drifted" // in the kernel with other properties
	Missing State = "missing" // in the spec only
	Extra   State = "extra"   // created by lvsmark, and no longer in the spec
	Drained State = "drained" // weight 0 by `lvsmark drain`; the spec has another weight
	Unbound State = "unbound" // not compared: another program manages IPVS (director.bind is false)
)

// Differences are the numbers of changes that apply would make.
type Differences struct {
	Marks     int `json:"marks"`     // in nftables
	Services  int `json:"services"`  // in IPVS
	Settings  int `json:"settings"`  // sysctls, IPVS timeouts and sync daemons
	Addresses int `json:"addresses"` // VIPs on devices
}

// Any reports whether there are differences.
func (d Differences) Any() bool { return d != Differences{} }

// A Report is the status of a director.
type Report struct {
	InSync      bool        `json:"in_sync"` // there are no differences
	Differences Differences `json:"differences"`
	SyncFaults  []SyncFault `json:"sync_faults"`
	Clusters    []Cluster   `json:"clusters"` // in the order of the spec; then those that are not in the spec
}

// A Cluster is a cluster of the spec, or one in the ledger that is no longer in the spec.
type Cluster struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`    // the first that is not InSync of its services and real servers
	Services []Service `json:"services"` // one for each mark and address family
}

// A Service is the IPVS service of a mark. Its packets in are those that carried the mark and
// that IPVS sent to a real server: lvsmark's rules have no counters.
type Service struct {
	Mark        uint32        `json:"mark"`
	Family      string        `json:"family"` // IPv4 or IPv6
	State       State         `json:"state"`
	Detail      string        `json:"detail,omitempty"` // what differs from the spec
	Totals      ipvs.Counters `json:"totals"`
	Rates       ipvs.Counters `json:"rates"` // per second
	RealServers []RealServer  `json:"real_servers"`
}

// A RealServer is a real server of one service.
type RealServer struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
	Port    uint16 `json:"port"` // 0: the port of the client's packets
	State   State  `json:"state"`
	Detail  string `json:"detail,omitempty"` // what differs from the spec

	Weight *int `json:"weight,omitempty"` // in the kernel; nil: not in the kernel

	Active     uint32 `json:"active"`     // established connections
	Inactive   uint32 `json:"inactive"`   // other connections: begin, end, UDP
	Persistent uint32 `json:"persistent"` // clients that persistence keeps on the real server

	Totals ipvs.Counters `json:"totals"`
	Rates  ipvs.Counters `json:"rates"` // per second

	Passive *Passive `json:"passive,omitempty"` // nil: the service has no passive ports
}

// Passive is the use of the passive ports of FTP by one real server.
type Passive struct {
	Ports int `json:"ports"` // of the real server in this service: the range, or its slice of it
	Used  int `json:"used"`  // with an established data connection
}

// name returns the name of the real server, or its address.
func (r *RealServer) name() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Address
}
