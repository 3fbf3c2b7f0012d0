package lab

import "syscall"

// SecondDirector is the name of a further director and of its port of the client network.
const SecondDirector = "director2"

// Port is the name of a director's port of the client network, in the namespace of the client.
func (h *Host) Port() string { return h.Name }

// AddDirector adds a director with addresses of that number in both networks.
func (l *Lab) AddDirector(number int) (*Host, error) {
	h, err := l.addHost(SecondDirector)
	if err != nil {
		return nil, err
	}
	if err := l.Client.ip(veth(h.Port(), h, OutgoingDevice, ClientDevice)...); err != nil {
		return nil, err
	}
	if err := l.Director.ip(veth(h.Name, h, ServerDevice, ServerDevice)...); err != nil {
		return nil, err
	}
	commands := []string{"link set " + OutgoingDevice + " up", "link set " + ServerDevice + " up"}
	for _, f := range l.Families {
		commands = append(commands,
			address(Outside(f, number), networkBits(f), OutgoingDevice),
			address(inside(f, number), networkBits(f), ServerDevice))
	}
	if err := h.ip(commands...); err != nil {
		return nil, err
	}
	return h, l.awaitLinks()
}

// Kill kills the programs of a host, and waits until they have ended.
func (h *Host) Kill() error { return h.killAll() }

// Terminate asks a program to end, and waits until it has ended.
func (p *Process) Terminate() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	<-p.done
	return nil
}
