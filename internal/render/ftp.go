package render

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
)

// Ports of FTP over implicit TLS, and of active data connections of plain FTP: ftps and
// ftp-data in the IANA registry.
const (
	ImplicitPort = 990
	DataPort     = 20
)

// PerFTPCluster returns the Render function of a target with one fragment of a file per FTP
// cluster: a heading, and what body returns. It renders the selected clusters, separated by
// empty lines.
func PerFTPCluster(file string, body func(*config.Cluster) (string, error)) func(*config.Spec, Options) (string, error) {
	return func(spec *config.Spec, options Options) (string, error) {
		clusters, err := ftpClusters(spec, options.Cluster)
		if err != nil {
			return "", err
		}
		if options.Server != "" {
			if clusters, err = narrow(clusters, options.Server); err != nil {
				return "", err
			}
		}
		fragments := make([]string, 0, len(clusters))
		for _, c := range clusters {
			heading := Heading(file, c, options.Server)
			if c, err = forShard(c, options.Server); err != nil {
				return "", err
			}
			text, err := body(c)
			if err != nil {
				return "", err
			}
			fragments = append(fragments, heading+text)
		}
		return strings.Join(fragments, "\n"), nil
	}
}

// Heading returns the first line of a fragment. server is the name of the only real server
// that it is for, or empty.
func Heading(file string, c *config.Cluster, server string) string {
	where := "every real server"
	if server != "" {
		where = "real server " + server
	}
	marks := make([]string, 0, len(c.Marks()))
	for _, mark := range c.Marks() {
		marks = append(marks, fmt.Sprint(mark))
	}
	noun := "mark"
	if len(marks) > 1 {
		noun = "marks"
	}
	return fmt.Sprintf("# %s on %s of cluster %s (%s %s)\n", file, where, c.Name, noun, strings.Join(marks, ", "))
}

// narrow returns the clusters that have the real server with that name or address, each
// with this server and the VIPs of its family only.
func narrow(clusters []*config.Cluster, name string) ([]*config.Cluster, error) {
	var narrowed []*config.Cluster
	for _, c := range clusters {
		for _, s := range c.RealServers {
			if !s.Is(name) {
				continue
			}
			one := *c
			one.RealServers, one.Forwarding = []config.RealServer{s}, s.Forwarding
			one.VIPs = slices.Clone(c.VIPsOf(config.FamilyOf(s.Address)))
			if s.Forwarding != config.NAT { // the director translates nothing of this real server
				ftp := *c.FTP
				ftp.Active, one.FTP, one.SourceNAT = nil, &ftp, config.NoSourceNAT
			}
			narrowed = append(narrowed, &one)
		}
	}
	if len(narrowed) == 0 {
		return nil, unknownServer(clusters, name)
	}
	return narrowed, nil
}

func unknownServer(clusters []*config.Cluster, name string) error {
	var list []config.Cluster
	for _, c := range clusters {
		list = append(list, *c)
	}
	lacking := "the spec has no FTP real server"
	if len(list) == 1 {
		lacking = "cluster " + list[0].Name + " has no real server"
	}
	return lookup.Unknown(lacking, name, lookup.Servers(list))
}

// forShard returns a cluster with shards, and one real server, as a cluster whose passive ports
// are those of the server's shard; another cluster as it is. It returns an error if no real
// server is selected: each has ports of its own.
func forShard(c *config.Cluster, server string) (*config.Cluster, error) {
	switch {
	case !c.Sharded():
		return c, nil
	case server == "":
		return nil, fmt.Errorf("cluster %s has passive-shards: each real server has passive ports of its own; select one with --server", c.Name)
	}
	one, ftp := *c, *c.FTP
	shard := c.RealServers[0].Shard
	ftp.PassivePorts, ftp.Shards = c.FTP.ShardPorts()[shard:shard+1], 0
	one.FTP = &ftp
	return &one, nil
}

// PassivePorts returns the passive ports that an FTP server can use, or an error if there
// are none. program is for the message.
func PassivePorts(c *config.Cluster, program string) (config.PortRange, error) {
	if c.FTP == nil {
		return config.PortRange{}, fmt.Errorf("cluster %s is not an FTP cluster: it has no ftp section", c.Name)
	}
	ports := c.FTP.PassiveRange()
	if ports.High < config.MinPassivePort {
		return ports, fmt.Errorf("cluster %s: %s supports no passive port below %d: choose higher passive-ports than %s",
			c.Name, program, config.MinPassivePort, ports)
	}
	ports.Low = max(ports.Low, config.MinPassivePort)
	return ports, nil
}

// PassiveComment returns the comment of the passive range, a line or two.
func PassiveComment(c *config.Cluster, program string) string {
	if len(c.FTP.PassivePorts) == 1 {
		return "# Passive data (PASV, EPSV): the director marks these ports and no others.\n"
	}
	return "# Passive data (PASV, EPSV): " + program + " supports one range; this is the widest that the\n# director marks.\n"
}

// PassiveAddress returns the comment about the address in PASV responses, and the VIP that the
// program's setting must name; an invalid one if there is nothing to set. EPSV responses (RFC
// 2428) contain only a port, so IPv6 needs no setting.
func PassiveAddress(c *config.Cluster, program, setting string) (comment string, vip netip.Addr) {
	vips := c.VIPsOf(config.IPv4)
	if len(vips) == 0 {
		return "", vip
	}
	if !c.Forwards(config.NAT) {
		return fmt.Sprintf("\n# No %s: packets reach this server with the VIP as their destination,\n"+
			"# and %s answers PASV with that.\n", setting, program), vip
	}
	comment = "\n# The address in the answer to PASV: packets reach this server with its own\n" +
		"# address, while the client has to connect to the VIP. EPSV names no address.\n"
	if c.Forwards(config.Direct) || c.Forwards(config.Tunnel) {
		comment += "# A real server with direct or tunnel forwarding gets the VIP as the destination and\n" +
			"# needs no such line; the same line does not harm.\n"
	}
	return comment + otherVIPsComment(vips), vips[0].First
}

// otherVIPsComment returns the comment about VIPs that a PASV response does not name; empty if
// there is one VIP.
func otherVIPsComment(vips []config.AddressRange) string {
	if len(vips) == 1 && vips[0].IsSingle() {
		return ""
	}
	others := fmt.Sprintf("cluster's %d IPv4 VIPs", len(vips))
	if slices.ContainsFunc(vips, func(r config.AddressRange) bool { return !r.IsSingle() }) {
		others = "VIPs " + strings.Trim(fmt.Sprint(vips), "[]")
	}
	return fmt.Sprintf("# PASV can name only one of the %s. Data connections of clients\n"+
		"# of the others come to this one; the mark is the same, and so is the real server.\n"+
		"# EPSV keeps each client to its VIP.\n", others)
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

// FTPServers returns the names of the real servers of FTP clusters, or their addresses: the
// valid values of Options.Server.
func FTPServers(spec *config.Spec) []string {
	return lookup.Servers(slices.DeleteFunc(slices.Clone(spec.Clusters), func(c config.Cluster) bool { return c.FTP == nil }))
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
		return nil, lookup.Unknown("the spec has no FTP cluster", name, names)
	}
}
