package config

import "slices"

// ownPorts checks the ports of one cluster against each other.
func (c *checker) ownPorts(i int) {
	in, _ := c.cluster(i)
	c.overlaps(in.ports.value)
	c.notOnlyAll(in.ports.value)
	ftp := &in.ftp.value
	c.overlaps(ftp.passive.value)
	c.repeatedPorts("control-ports", ftp.control.value)
	c.repeatedPorts("ports", ftp.active.value.ports.value)
	if ftp.control.unreadable() || ftp.passive.unreadable() || !in.ftp.valid {
		return
	}
	c.lowPassivePorts(ftp)
	cluster := &c.spec.Clusters[i]
	for k, port := range cluster.FTP.ControlPorts {
		r := slices.IndexFunc(cluster.FTP.PassivePorts, onePort(port).Overlaps)
		if r < 0 {
			continue
		}
		place := ftp.passive.position
		if !ftp.passive.present {
			place = ftp.control.value[k].position
		}
		if cluster.Sharded() { // see shards
			continue
		}
		c.note(place, "passive-ports %s hold the control port %d; that changes nothing, both carry the same mark", cluster.FTP.PassivePorts[r], port)
	}
}

// lowPassivePorts notes passive ports that FTP servers do not use.
func (c *checker) lowPassivePorts(ftp *fileFTP) {
	for _, r := range ftp.passive.value {
		if r.value.Low < MinPassivePort {
			low := PortRange{TCP, r.value.Low, min(r.value.High, MinPassivePort-1)}
			c.note(r.position, "passive ports %s: vsftpd, proftpd and pure-ftpd use no port below %d for data; choose higher passive-ports", low, MinPassivePort)
		}
	}
}

func (c *checker) repeatedPorts(what string, ports []item[uint16]) {
	first := map[uint16]int{}
	for _, port := range ports {
		if line, twice := first[port.value]; twice {
			c.mistake(port.position, "port %d is given twice in %s, first at line %d; remove one", port.value, what, line)
			continue
		}
		first[port.value] = port.line
	}
}
