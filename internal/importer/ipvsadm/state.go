package ipvsadm

import (
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A State is what a series of commands makes of an empty IPVS.
type State struct {
	// Derived: another program runs the commands, and its file has the findings about its settings.
	Derived bool

	config   oldconfig.Config
	services map[key]*service
	order    []*service // with deleted ones
	daemons  map[string]*oldconfig.Sync
}

type service struct {
	oldconfig.Service
	key     key
	servers map[ipvs.Endpoint]*oldconfig.RealServer
	order   []*oldconfig.RealServer // with deleted ones
}

// NewState returns the state before the first command.
func NewState() *State {
	return &State{services: make(map[key]*service), daemons: make(map[string]*oldconfig.Sync)}
}

// Config returns the services after the last command, and remarks on commands.
func (s *State) Config() *oldconfig.Config {
	result := s.config
	result.Services = nil
	for _, v := range s.order {
		if s.services[v.key] != v {
			continue
		}
		made := v.Service
		made.RealServers = nil
		for _, server := range v.order {
			if v.servers[server.Endpoint()] == server {
				made.RealServers = append(made.RealServers, *server)
				remarkPort(&result, &made, server)
			}
		}
		result.Services = append(result.Services, &made)
	}
	for _, state := range []string{masterState, backupState} {
		if d := s.daemons[state]; d != nil {
			result.Syncs = append(result.Syncs, d)
		}
	}
	return &result
}

// Run applies the words of one command: those behind the program's name. A command that is
// not understood changes nothing, and is recorded.
func (s *State) Run(words []string, line oldconfig.Line) {
	c, err := parse(words)
	if err != nil {
		s.config.AddNotUnderstood(line, "ipvsadm: %v", err)
		return
	}
	switch c.verb {
	case "add-service", "edit-service", "delete-service":
		s.onService(c, line)
	case "add-server", "edit-server", "delete-server":
		s.onServer(c, line)
	case "clear":
		clear(s.services)
		s.order = nil
	case "set":
		s.setTimeouts(c, line)
	case "start-daemon":
		s.startDaemon(c.daemon, line)
	case "stop-daemon":
		delete(s.daemons, c.daemon.state)
	case "restore":
		s.config.AddNotUnderstood(line, "ipvsadm -R reads services from another file: give that file")
	case "list", "zero", "save", "help", "version":
		// They do not change services.
	default:
		s.config.AddNotUnderstood(line, "ipvsadm: --%s is not a command", c.verb)
	}
}

func (s *State) onService(c *command, line oldconfig.Line) {
	old := s.services[c.key]
	switch {
	case c.verb == "add-service" && old != nil:
		s.config.AddFinding(line, "ipvsadm refuses this command: the service exists since %s", old.Line)
	case c.verb == "add-service":
		s.remarkTimeout(c, line)
		made := &service{Service: c.service(line), key: c.key, servers: make(map[ipvs.Endpoint]*oldconfig.RealServer)}
		s.services[c.key] = made
		s.order = append(s.order, made)
	case old == nil && c.verb == "edit-service":
		s.config.AddNotUnderstood(line, "no command before this one adds the service")
	case old == nil:
		s.config.AddFinding(line, "no command before this one adds the service: the command deletes nothing")
	case c.verb == "edit-service":
		s.remarkTimeout(c, line)
		old.Service = c.service(line)
	default:
		delete(s.services, c.key)
	}
}

// remarkTimeout records the timeout of -p without a number, and one that is too short.
func (s *State) remarkTimeout(c *command, line oldconfig.Line) {
	switch {
	case c.defaultTimeout:
		s.config.AddFinding(line, "-p without a number is %d seconds, not the 300 of the man page", defaultTimeout)
	case c.timeout == time.Second && !s.Derived:
		s.config.AddOneSecond(line, "-p 1")
	}
}

// service returns the service of -A or -E.
func (c *command) service(line oldconfig.Line) oldconfig.Service {
	return oldconfig.Service{
		Family: c.key.family, Mark: c.key.mark, Protocol: c.key.protocol, Address: c.key.address,
		Scheduler: c.scheduler, Flags: c.flags, Timeout: c.timeout,
		Netmask: c.netmask, RawNetmask: c.rawNetmask, Engine: c.engine, Line: line,
	}
}

func (s *State) onServer(c *command, line oldconfig.Line) {
	v := s.services[c.key]
	if v == nil {
		s.config.AddNotUnderstood(line, "no command before this one adds the service")
		return
	}
	endpoint := c.server.Endpoint()
	old := v.servers[endpoint]
	switch {
	case c.verb == "add-server" && old != nil:
		s.config.AddFinding(line, "ipvsadm refuses this command: the real server exists since %s", old.Line)
	case c.verb != "add-server" && old == nil:
		s.config.AddFinding(line, "ipvsadm refuses this command: no command before this one adds the real server")
	case c.verb == "delete-server":
		delete(v.servers, endpoint)
	case c.verb == "edit-server":
		old.Destination, old.Line = c.server, line
	default:
		server := &oldconfig.RealServer{Destination: c.server, Line: line}
		v.servers[endpoint] = server
		v.order = append(v.order, server)
	}
}

// remarkPort records a port that IPVS may write into each packet to a marked port.
func remarkPort(c *oldconfig.Config, v *oldconfig.Service, server *oldconfig.RealServer) {
	if v.Mark != 0 && server.Port != 0 && server.Forwarding == config.NAT {
		c.AddPortFinding(v, server.Line, server.Address, server.Port)
	}
}

// setTimeouts applies --set. A timeout of 0 stays as it is.
func (s *State) setTimeouts(c *command, line oldconfig.Line) {
	var seconds [3]time.Duration
	for i := range seconds {
		n, ok := uint64(0), len(c.operands) == len(seconds)
		if ok {
			n, ok = value.Number(c.operands[i], 0, maxTimeout)
		}
		if !ok {
			s.config.AddNotUnderstood(line, "ipvsadm: --set needs three timeouts in seconds")
			return
		}
		seconds[i] = time.Duration(n) * time.Second
	}
	s.config.Timeouts = append(s.config.Timeouts, oldconfig.Timeouts{
		Timeouts: config.Timeouts{TCP: seconds[0], TCPFin: seconds[1], UDP: seconds[2]}, Line: line,
	})
}
