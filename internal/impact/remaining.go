package impact

// Remaining is what still uses the real servers that the changes remove.
type Remaining struct {
	Connections Summary // that the removal would cut
	Templates   int     // persistence templates, by which the kernel remembers the real server of a client
}

// RemainingConnections returns the connections that changes of services and real servers
// would cut, and the templates of the removed real servers.
func RemainingConnections(in Input) Remaining {
	a := newAnalyzer(in)
	var r Remaining
	r.Connections = Sum(func(yield func(Impact) bool) {
		for _, c := range in.Changes.Services {
			if c.Disrupts() && !yield(a.service(c)) {
				return
			}
		}
	})
	for key, servers := range a.servers {
		for _, server := range servers {
			if a.removed[key][server.Endpoint()] {
				r.Templates += int(server.Connections.Persistent)
			}
		}
	}
	return r
}

// Any reports whether there are connections, or may be. Templates do not count: they only
// assign a client without connections to its real server.
func (r Remaining) Any() bool { return r.Connections.Connections > 0 || r.Connections.Unknown }

// String returns, for example, "12 connections left (ftp: rs1 7, rs2 5), 3 persistence templates".
func (r Remaining) String() string {
	text := countOf(r.Templates, "persistence template")
	if n := r.Connections.Connections; n > 0 {
		text = countOf(n, "connection") + " left" + r.Connections.byServer() + ", " + text
	}
	return text
}
