package render

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// PerFTPCluster returns the Render function of a target with one fragment per FTP cluster.
// It renders the selected clusters, separated by empty lines.
func PerFTPCluster(fragment func(*config.Cluster) (string, error)) func(*config.Spec, Options) (string, error) {
	return func(spec *config.Spec, options Options) (string, error) {
		clusters, err := ftpClusters(spec, options.Cluster)
		if err != nil {
			return "", err
		}
		fragments := make([]string, 0, len(clusters))
		for _, c := range clusters {
			text, err := fragment(c)
			if err != nil {
				return "", err
			}
			fragments = append(fragments, text)
		}
		return strings.Join(fragments, "\n"), nil
	}
}

// FTPNames returns the names of the FTP clusters: the valid values of Options.Cluster.
func FTPNames(spec *config.Spec) []string {
	var names []string
	for _, c := range spec.Clusters {
		if c.FTP != nil {
			names = append(names, c.Name)
		}
	}
	return names
}

// ftpClusters returns the FTP cluster with that name, or all if name is empty.
func ftpClusters(spec *config.Spec, name string) ([]*config.Cluster, error) {
	var clusters []*config.Cluster
	for i := range spec.Clusters {
		if c := &spec.Clusters[i]; c.FTP != nil && (name == "" || c.Name == name) {
			clusters = append(clusters, c)
		}
	}
	switch names := FTPNames(spec); {
	case len(clusters) > 0:
		return clusters, nil
	case len(names) == 0:
		return nil, errors.New("the spec has no FTP cluster: add an ftp section to a cluster")
	default:
		return nil, fmt.Errorf("the spec has no FTP cluster %q: it has %s", name, strings.Join(names, ", "))
	}
}
