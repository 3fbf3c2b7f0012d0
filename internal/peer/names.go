package peer

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// What a difference of the names of a real server breaks.
const (
	otherServerName = "commands that name the real server, such as drain, need another name on the peer"
	swappedName     = "commands that name the real server, such as drain, change another one on the peer"
)

// serverNames compares the names of real servers that both directors have. A real server that
// one director alone has is a difference of the services.
func serverNames(ours, theirs *config.Cluster) (found []Difference) {
	for _, s := range ours.RealServers {
		i := slices.IndexFunc(theirs.RealServers, func(other config.RealServer) bool { return other.Address == s.Address })
		if i < 0 || theirs.RealServers[i].Name == s.Name {
			continue
		}
		other := theirs.RealServers[i].Name
		reason := otherServerName
		if named(theirs, s.Name) || named(ours, other) {
			reason = swappedName
		}
		found = append(found, Difference{fmt.Sprintf("real server %s of cluster %s", s.Address, ours.Name), nameText(s.Name), nameText(other), reason})
	}
	return found
}

// named reports whether a real server of the cluster has the name.
func named(c *config.Cluster, name string) bool {
	return name != "" && slices.ContainsFunc(c.RealServers, func(s config.RealServer) bool { return s.Name == name })
}

func nameText(name string) string {
	if name == "" {
		return ""
	}
	return "name " + name
}
