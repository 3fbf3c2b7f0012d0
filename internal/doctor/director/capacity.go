package director

import (
	"fmt"
	"math/bits"
	"strconv"

	"github.com/lvsmark/lvsmark/internal/doctor"
)

// nearlyFull is the share in percent from which a table counts as nearly full.
const nearlyFull = 80

func capacityChecks() []check {
	return []check{
		{
			Name: "conntrack-table", Summary: "the table of connection tracking is less than 80 % full",
			Why: "a full table drops packets of new connections: 'nf_conntrack: table full, dropping packet'", Run: conntrackTable,
		},
		{
			Name: "passive-range", Summary: "established data connections of each real server, compared with its passive ports: less than 80 %",
			Why: "without a free port a real server refuses PASV and EPSV: the client gets an error or no answer", Run: passiveRange,
		},
		{
			Name: "ipvs-table", Summary: "the connection table of IPVS has at most two entries for each row",
			Why: "each packet searches a longer list", Run: ipvsTable,
		},
	}
}

func conntrackTable(s *Subject) ([]doctor.Finding, error) {
	used, err := strconv.Atoi(s.Value("net.netfilter.nf_conntrack_count", "0"))
	if err != nil {
		return nil, err
	}
	size, err := strconv.Atoi(s.Value("net.netfilter.nf_conntrack_max", "0"))
	if err != nil || size == 0 || used*100 < size*nearlyFull {
		return nil, err
	}
	command := fmt.Sprintf("sysctl -w net.netfilter.nf_conntrack_max=%d", size*2)
	if s.ConntrackMaxReadOnly {
		command = "nsenter --target 1 --net " + command
	}
	return one(fmt.Sprintf("%d of %d connections are tracked", used, size), command), nil
}

func passiveRange(s *Subject) (found []doctor.Finding, err error) {
	state, err := s.IPVS.Get()
	for _, use := range state.Passive {
		if use.Ports > 0 && use.Used*100 >= use.Ports*nearlyFull {
			found = append(found, doctor.Finding{
				Text:    fmt.Sprintf("cluster %s: real server %s has %d data connections, with %d passive ports", use.Cluster, use.Server, use.Used, use.Ports),
				Command: inSpec + "a wider ftp.passive-ports; then lvsmark render vsftpd (proftpd, pure-ftpd) for the real servers, then " + apply,
			})
		}
	}
	return found, err
}

// ipvsTable: the size is a power of 2, conn_tab_bits of the module.
func ipvsTable(s *Subject) ([]doctor.Finding, error) {
	state, err := s.IPVS.Get()
	if err != nil || state.TableSize == 0 || state.Entries <= 2*state.TableSize {
		return nil, err
	}
	want := min(bits.Len(uint(state.Entries)), 27) // conn_tab_bits is at most 27 on 64 bits
	return one(fmt.Sprintf("the connection table of IPVS has %d rows and %d entries", state.TableSize, state.Entries),
		fmt.Sprintf("echo options ip_vs conn_tab_bits=%d > /etc/modprobe.d/ip_vs.conf, and boot", want)), nil
}
