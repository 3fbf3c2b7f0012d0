package director

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A manager is a program that makes IPVS services.
type manager struct {
	name, unit, process string
	files               []string
}

func knownManagers() []manager {
	return []manager{
		{"keepalived", "keepalived.service", "keepalived", []string{"etc/keepalived/keepalived.conf"}},
		{"ipvsadm.service", "ipvsadm.service", "", []string{"etc/ipvsadm.rules", "etc/sysconfig/ipvsadm"}},
		{"ldirectord", "ldirectord.service", "ldirectord", []string{"etc/ha.d/ldirectord.cf", "etc/ldirectord.cf"}},
		{"Piranha", "pulse.service", "lvsd", []string{"etc/sysconfig/ha/lvs.cf"}},
	}
}

// managers finds programs that are started at boot or run, and whose files have services of
// the spec. With bind: false one such program is right.
func managers(s *Subject) (found []doctor.Finding, err error) {
	allowed := 0
	if !s.Spec.Director.Bind {
		allowed = 1
	}
	for _, m := range knownManagers() {
		if !s.Enabled(m.unit) && (m.process == "" || !slices.Contains(s.Processes, m.process)) {
			continue
		}
		service, problem := s.sameService(m)
		if problem != nil {
			err = problem
		}
		if service == "" {
			continue
		}
		found = append(found, doctor.Finding{
			Text:    fmt.Sprintf("%s manages %s, which the spec has too", m.name, service),
			Command: fmt.Sprintf("systemctl disable --now %s, or remove the service from its file, or %sdirector.bind: false", m.unit, inSpec),
		})
	}
	if len(found) <= allowed {
		return nil, err
	}
	return found, err
}

// sameService returns the first service of the manager's files that the spec has too.
func (s *Subject) sameService(m manager) (string, error) {
	for _, name := range s.Exists(m.files...) {
		c, err := importer.ReadAll([]importer.File{{Name: "/" + name, Text: s.ReadFile(name)}})
		if err != nil {
			return "", err
		}
		for _, service := range c.Services {
			if s.serves(service) {
				return fmt.Sprintf("the service of %s", service.Line), nil
			}
		}
	}
	return "", nil
}

// serves reports whether the spec has a service with the mark or the address.
func (s *Subject) serves(service *oldconfig.Service) bool {
	for _, b := range s.Spec.Bindings(service.Family) {
		if service.Mark != 0 && b.Mark == service.Mark {
			return true
		}
		if service.Mark == 0 && hasAddress(b.VIPs, service.Address.Addr()) && meetsPort(b.Ports, service.Protocol, service.Address.Port()) {
			return true
		}
	}
	return false
}

// meetsPort reports whether a port is one of the ranges. Port 0 is any.
func meetsPort(ports []config.PortRange, p config.Protocol, port uint16) bool {
	if port == 0 {
		return true
	}
	return slices.ContainsFunc(ports, config.PortRange{Protocol: p, Low: port, High: port}.Meets)
}
