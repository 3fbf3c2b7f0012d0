package iptables

// portOf returns the port of a service by its name in /etc/services, or 0. It has the names of
// TCP and UDP that Debian and Red Hat both have; those of other protocols differ, so iptables on
// another host may refuse them. Names are case-sensitive. protocol 0 is TCP.
func portOf(name string, protocol uint64) uint64 {
	const tcp, udp = 6, 17
	switch protocol {
	case 0, tcp:
		return portOfTCP(name)
	case udp:
		return portOfUDP(name)
	}
	return 0
}

func portOfTCP(name string) uint64 {
	switch name {
	case "ftp-data":
		return 20
	case "ftp":
		return 21
	case "ssh":
		return 22
	case "telnet":
		return 23
	case "smtp", "mail":
		return 25
	case "domain":
		return 53
	case "http", "www":
		return 80
	case "pop3":
		return 110
	case "sunrpc":
		return 111
	case "imap", "imap2":
		return 143
	case "ldap":
		return 389
	case "https":
		return 443
	case "ldaps":
		return 636
	case "ftps-data":
		return 989
	case "ftps":
		return 990
	case "imaps":
		return 993
	case "mysql":
		return 3306
	}
	return 0
}

func portOfUDP(name string) uint64 {
	switch name {
	case "domain":
		return 53
	case "tftp":
		return 69
	case "sunrpc":
		return 111
	case "ntp":
		return 123
	case "ldap":
		return 389
	case "https":
		return 443
	}
	return 0
}
