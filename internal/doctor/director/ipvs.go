package director

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
	"github.com/lvsmark/lvsmark/ipvs"
)

func ipvsChecks() []check {
	return []check{
		{
			Name: "expire-nodest-conn", Summary: "net.ipv4.vs.expire_nodest_conn, if a cluster has several real servers",
			Why: "after a real server is removed, IPVS drops the packets of its connections silently: clients wait for a timeout instead of connecting again", Run: expireNoDestination,
		},
		{
			Name: "expire-quiescent-template", Summary: "net.ipv4.vs.expire_quiescent_template, for persistent clusters: 0 with FTP, else 1",
			Why: "with FTP and 1, a drain breaks sessions: their next data connection goes to another real server. Without FTP and 0, clients come back to a real server that is drained", Run: expireTemplates,
		},
		{
			Name: "conn-reuse-mode", Summary: "net.ipv4.vs.conn_reuse_mode is not 0",
			Why: "a client that uses a source port again gets the previous real server, also if that is drained or removed; expire_nodest_conn has no effect", Run: reuseMode,
		},
		{
			Name: "sloppy-tcp", Summary: "net.ipv4.vs.sloppy_tcp is 0, unless every cluster has the scheduler sh or mh",
			Why: "packets of connections that have ended begin new ones, with any real server", Run: sloppyTCP,
		},
		{
			Name: "tcp-timeout", Summary: "the TCP timeout of IPVS, compared with the two hours of TCP keepalive, for FTP",
			Why: "the control connection is idle during a transfer: after the timeout IPVS forgets it, and the session ends with the transfer", Run: tcpTimeout,
		},
		{
			Name: "persistence-netmask", Summary: "no persistent service in the kernel has the netmask 0",
			Why: "all clients together count as one, and get the same real server", Run: persistenceNetmask,
		},
		{
			Name: "address-services", Summary: "services by address, such as VIP:21 or VIP:0, beside the marks",
			Why: "packets without a mark find the other service: control and data connections of one client can get different real servers", Run: addressServices,
		},
		{
			Name: hostcheck.FTPModule, Summary: "the module ip_vs_ftp, with nat",
			Why: "data connections fail", Run: ofHostcheck(hostcheck.FTPModule),
		},
	}
}

// value returns a sysctl of IPVS. Without IPVS there is none.
func (s *Subject) value(name string) (string, error) {
	value, ok := s.Sysctls[vsNames+name]
	if !ok {
		return "", host.ErrNoIPVS
	}
	return value, nil
}

func expireNoDestination(s *Subject) ([]doctor.Finding, error) {
	value, err := s.value("expire_nodest_conn")
	several := s.clustersWhere(func(c *config.Cluster) bool {
		return len(c.RealServersOf(config.IPv4)) > 1 || len(c.RealServersOf(config.IPv6)) > 1
	})
	if err != nil || value != "0" || len(several) == 0 {
		return nil, err
	}
	return []doctor.Finding{s.setting("net.ipv4.vs.expire_nodest_conn is 0, and real servers of "+listed(several)+" can be removed", vsNames+"expire_nodest_conn", "1")}, nil
}

func expireTemplates(s *Subject) ([]doctor.Finding, error) {
	const name = "expire_quiescent_template"
	value, err := s.value(name)
	ftp := s.clustersWhere(func(c *config.Cluster) bool { return c.Persistence > 0 && c.FTP != nil })
	other := s.clustersWhere(func(c *config.Cluster) bool { return c.Persistence > 0 && c.FTP == nil })
	switch {
	case err != nil:
		return nil, err
	case value != "0" && len(ftp) > 0:
		return []doctor.Finding{s.setting(fmt.Sprintf("%s%s is %s, and FTP clusters have persistence: %s", vsNames, name, value, listed(ftp)), vsNames+name, "0")}, nil
	case value == "0" && len(ftp) == 0 && len(other) > 0:
		return []doctor.Finding{s.setting(fmt.Sprintf("%s%s is 0, and clusters have persistence: %s", vsNames, name, listed(other)), vsNames+name, "1")}, nil
	}
	return nil, nil
}

func reuseMode(s *Subject) ([]doctor.Finding, error) {
	value, err := s.value("conn_reuse_mode")
	if err != nil || value != "0" {
		return nil, err
	}
	return []doctor.Finding{s.setting("net.ipv4.vs.conn_reuse_mode is 0", vsNames+"conn_reuse_mode", "1")}, nil
}

func sloppyTCP(s *Subject) ([]doctor.Finding, error) {
	value, err := s.value("sloppy_tcp")
	others := s.clustersWhere(func(c *config.Cluster) bool { return c.Scheduler != "sh" && c.Scheduler != "mh" })
	if err != nil || value == "0" || len(others) == 0 {
		return nil, err
	}
	return []doctor.Finding{s.setting("net.ipv4.vs.sloppy_tcp is on, and the scheduler of "+listed(others)+" does not choose by the client's address", vsNames+"sloppy_tcp", "0")}, nil
}

// keepalive is net.ipv4.tcp_keepalive_time of a new kernel, after which most FTP servers and
// clients send packets on an idle control connection.
const keepalive = 2 * time.Hour

func tcpTimeout(s *Subject) ([]doctor.Finding, error) {
	ftp := s.clustersWhere(func(c *config.Cluster) bool { return c.FTP != nil })
	state, err := s.IPVS.Get()
	timeout := state.Timeouts.TCP
	if err != nil || len(ftp) == 0 || timeout >= keepalive {
		return nil, err
	}
	f := doctor.Finding{
		Text:    fmt.Sprintf("IPVS forgets an idle TCP connection after %s: transfers of %s that take longer end their session", timeout, listed(ftp)),
		Command: inSpec + "director.ipvs-timeouts: {tcp: 2h}",
	}
	if s.Spec.Director.Timeouts.TCP >= keepalive {
		f.Command, f.Apply = apply, true
	}
	return []doctor.Finding{f}, nil
}

func persistenceNetmask(s *Subject) (found []doctor.Finding, err error) {
	state, err := s.IPVS.Get()
	for _, service := range state.Services {
		if service.Timeout == 0 || service.Netmask != 0 || service.RawNetmask != 0 {
			continue
		}
		f := doctor.Finding{Text: fmt.Sprintf("the service of %s has persistence with the netmask 0.0.0.0", service.Key), Command: fmt.Sprintf("ipvsadm -E -f %d -s %s -p %d -M 255.255.255.255", service.Mark, service.SchedName, int(service.Timeout.Seconds()))}
		if s.Spec.Director.Bind && s.hasMark(service.Key) {
			f.Command, f.Apply = apply, true
		}
		found = append(found, f)
	}
	for _, service := range state.AddressServices {
		if service.Timeout > 0 && service.Netmask == 0 && service.RawNetmask == 0 {
			found = append(found, doctor.Finding{Text: fmt.Sprintf("the service %s %s has persistence with the netmask 0.0.0.0", service.Protocol, service.Address), Command: fmt.Sprintf("ipvsadm -E %s %s -s %s -p %d -M 255.255.255.255", addressOption(service.Protocol), service.Address, service.SchedName, int(service.Timeout.Seconds()))})
		}
	}
	return found, err
}

func (s *Subject) hasMark(key ipvs.Key) bool {
	for _, b := range s.Spec.Bindings(key.Family) {
		if b.Mark == key.Mark {
			return true
		}
	}
	return false
}

// addressOption is the option of ipvsadm(8) for a service by address.
func addressOption(p config.Protocol) string {
	switch p {
	case config.TCP:
		return "-t"
	case config.UDP:
		return "-u"
	}
	return "--sctp-service"
}

// addressServices finds services by the address of a VIP. The kernel looks them up after
// those by mark, also at port 21 for data connections, and at port 0 (ip_vs_service_find of
// net/netfilter/ipvs/ip_vs_ctl.c).
func addressServices(s *Subject) (found []doctor.Finding, err error) {
	state, err := s.IPVS.Get()
	for _, service := range state.AddressServices {
		if cluster := s.clusterOf(service.Address, service.Protocol); cluster != "" {
			found = append(found, doctor.Finding{
				Text:    fmt.Sprintf("there is a service %s %s beside the mark of cluster %s", service.Protocol, service.Address, cluster),
				Command: fmt.Sprintf("ipvsadm -D %s %s", addressOption(service.Protocol), service.Address),
			})
		}
	}
	return found, err
}

// clusterOf returns the cluster with the VIP and the port; port 0 is any.
func (s *Subject) clusterOf(at netip.AddrPort, p config.Protocol) string {
	for c := range s.clusters {
		if hasAddress(c.VIPs, at.Addr()) && meetsPort(c.MarkedPorts(), p, at.Port()) {
			return c.Name
		}
	}
	return ""
}
