// Package lookup names the clusters and real servers of a spec, and says which there are if the
// operator names another one.
package lookup

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// Unknown returns the error for a name that nothing has, with the names that there are. lacking is
// the beginning of the sentence: "the spec has no cluster", "cluster ftp has no real server".
func Unknown(lacking, name string, names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("%s %q", lacking, name)
	}
	return fmt.Errorf("%s %q: it has %s", lacking, name, Listed(names))
}

// Listed joins names, at most a few of them.
func Listed(names []string) string {
	const maxListed = 4
	if n := len(names) - maxListed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), n)
	}
	return strings.Join(names, ", ")
}

// Clusters returns the names of clusters.
func Clusters(clusters []config.Cluster) []string {
	var names []string
	for i := range clusters {
		names = append(names, clusters[i].Name)
	}
	return names
}

// Servers returns the names of the real servers, or the addresses of those without one, each once.
func Servers(clusters []config.Cluster) []string {
	var names []string
	known := map[string]bool{}
	for i := range clusters {
		for _, s := range clusters[i].RealServers {
			if name := cmp.Or(s.Name, s.Address.String()); !known[name] {
				known[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}
