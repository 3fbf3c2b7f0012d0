package peer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// An orderedService is a service whose scheduler chooses by the order of its real servers.
type orderedService struct {
	scheduler string
	servers   []string // endpoints, 10.0.0.11:0
	weights   map[string]int
}

// orders compares the order of the real servers that both directors have. It takes services as
// ipvsadm -Sn writes them, in the order in which apply adds them. The kernel puts each one ahead of the
// others (list_add_rcu in __ip_vs_update_dest of ip_vs_ctl.c), on both directors.
func orders(ours, theirs []string) (found []Difference) {
	others := orderedServices(theirs)
	services := orderedServices(ours)
	for _, key := range slices.Sorted(maps.Keys(services)) {
		s, other := services[key], others[key]
		if other == nil || other.scheduler != s.scheduler {
			continue // a difference of the services
		}
		a, b := s.chosen(s.servers, other.weights), s.chosen(other.servers, s.weights)
		for i := range a {
			if a[i] == b[i] {
				continue
			}
			found = append(found, Difference{
				key, a[i] + " before " + b[i], b[i] + " before " + a[i],
				fmt.Sprintf("scheduler %s depends on the order of the real servers, so %s", s.scheduler, otherServer),
			})
			break
		}
	}
	return found
}

// chosen returns the servers that the other list has too, as the scheduler goes through them: sh,
// mh and dh fill their tables in the order of the list (ip_vs_sh_reassign, ip_vs_mh_populate and
// ip_vs_dh_reassign of net/netfilter/ipvs), fo and ovf take the first one of the list of
// those with the highest weight.
func (s *orderedService) chosen(servers []string, common map[string]int) []string {
	servers = slices.DeleteFunc(slices.Clone(servers), func(server string) bool {
		_, ok := common[server]
		return !ok
	})
	if s.scheduler == "fo" || s.scheduler == "ovf" {
		slices.SortStableFunc(servers, func(a, b string) int { return cmp.Compare(s.weights[b], s.weights[a]) })
	}
	return servers
}

// orderedServices returns the services with such schedulers by their objects: "service fwmark 21
// IPv4".
func orderedServices(lines []string) map[string]*orderedService {
	services := map[string]*orderedService{}
	for _, line := range lines {
		words := strings.Fields(line)
		key := serviceObject(words)
		if scheduler := wordAfter(words, "-s"); slices.Contains([]string{"sh", "mh", "dh", "fo", "ovf"}, scheduler) {
			services[key] = &orderedService{scheduler: scheduler, weights: map[string]int{}}
		}
		if s, server := services[key], wordAfter(words, "-r"); s != nil && server != "" {
			s.servers = append(s.servers, server)
			s.weights[server], _ = strconv.Atoi(wordAfter(words, "-w"))
		}
	}
	return services
}

func serviceObject(words []string) string {
	family := "IPv4"
	if slices.Contains(words, "-6") {
		family = "IPv6"
	}
	return "service fwmark " + wordAfter(words, "-f") + " " + family
}

// wordAfter returns the value of an option; empty if it is not there.
func wordAfter(words []string, option string) string {
	if i := slices.Index(words, option); i >= 0 && i+1 < len(words) {
		return words[i+1]
	}
	return ""
}
