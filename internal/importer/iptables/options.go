package iptables

import "strings"

// optionsOf returns the options of a match module or target, as "name" with one value,
// or "name:N" with N values. It returns false for a module that it does not know. The
// source is iptables-extensions(8).
func optionsOf(module string) (options string, known bool) {
	if options := matchOptions(module) + opaqueOptions(module); options != "" {
		return options, true
	}
	options = targetOptions(module)
	return options, options != ""
}

// matchOptions are the options of the match modules whose meaning is known.
func matchOptions(module string) string {
	const ports = "sport source-port dport destination-port "
	switch module {
	case "tcp":
		return ports + "tcp-flags:2 syn:0 tcp-option"
	case "udp":
		return ports
	case "sctp":
		return ports + "chunk-types:2"
	case "dccp":
		return ports + "dccp-types dccp-option"
	case "multiport":
		return "sports source-ports dports destination-ports ports"
	case "iprange":
		return "src-range dst-range"
	case "set":
		return "match-set:2 set:2 return-nomatch:0 update-counters:0 update-subcounters:0 " +
			"packets-eq packets-lt packets-gt bytes-eq bytes-lt bytes-gt"
	case "addrtype":
		return "src-type dst-type limit-iface-in:0 limit-iface-out:0"
	case "state":
		return "state"
	case "conntrack":
		return "ctstate ctproto ctorigsrc ctorigdst ctreplsrc ctrepldst ctorigsrcport ctorigdstport " +
			"ctreplsrcport ctrepldstport ctstatus ctexpire ctdir"
	case "mark", "connmark":
		return "mark"
	case "mac":
		return "mac-source"
	case "comment":
		return "comment"
	case "helper":
		return "helper"
	case "ipvs":
		return "ipvs:0 vproto vaddr vport vdir vmethod vportctl"
	}
	return ""
}

// opaqueOptions are the options of other match modules, known only to find their end.
func opaqueOptions(module string) string {
	switch module {
	case "icmp":
		return "icmp-type"
	case "icmp6", "icmpv6", "ipv6-icmp":
		return "icmpv6-type"
	case "ah":
		return "ahspi ahlen ahres:0"
	case "esp":
		return "espspi"
	case "limit":
		return "limit limit-burst"
	case "recent":
		return "name set:0 rcheck:0 update:0 remove:0 rsource:0 rdest:0 rttl:0 reap:0 seconds hitcount mask"
	case "statistic":
		return "mode probability every packet"
	case "string":
		return "from to algo string hex-string icase:0"
	case "time":
		return "datestart datestop timestart timestop monthdays weekdays contiguous:0 kerneltz:0 utc:0 localtz:0"
	case "owner":
		return "uid-owner gid-owner socket-exists:0 suppl-groups:0"
	case "physdev":
		return "physdev-in physdev-out physdev-is-in:0 physdev-is-out:0 physdev-is-bridged:0"
	case "pkttype":
		return "pkt-type"
	case "connlimit":
		return "connlimit-upto connlimit-above connlimit-mask connlimit-saddr:0 connlimit-daddr:0"
	case "socket":
		return "transparent:0 nowildcard:0 restore-skmark:0"
	case "rpfilter":
		return "loose:0 validmark:0 accept-local:0 invert:0"
	}
	return ""
}

// targetOptions are the options of the targets whose meaning is known, and of those that
// have options without a value.
func targetOptions(target string) string {
	switch target {
	case "MARK":
		return "set-mark set-xmark and-mark or-mark xor-mark"
	case "CONNMARK":
		return "set-mark set-xmark and-mark or-mark xor-mark save-mark:0 restore-mark:0 " +
			"mask nfmask ctmask left-shift-mark right-shift-mark"
	case "SET":
		return "add-set:2 del-set:2 map-set:2 timeout exist:0 map-mark:0 map-prio:0 map-queue:0"
	case "DNAT":
		return "to-destination random:0 persistent:0"
	case "SNAT":
		return "to-source random:0 random-fully:0 persistent:0"
	case "REDIRECT", "MASQUERADE":
		return "to-ports random:0 random-fully:0"
	case "NETMAP":
		return "to"
	case "CT":
		return "notrack:0 helper ctevents expevents zone zone-orig zone-reply timeout"
	case "LOG":
		return "log-level log-prefix log-tcp-sequence:0 log-tcp-options:0 log-ip-options:0 log-uid:0 log-macdecode:0"
	case "REJECT":
		return "reject-with"
	case "NFQUEUE":
		return "queue-num queue-balance queue-bypass:0 queue-cpu-fanout:0"
	case "TCPMSS":
		return "set-mss clamp-mss-to-pmtu:0"
	case "CHECKSUM":
		return "checksum-fill:0"
	case "ECN":
		return "ecn-tcp-remove:0"
	case "CONNSECMARK":
		return "save:0 restore:0"
	case "SYNPROXY":
		return "mss wscale sack-perm:0 timestamps:0 ecn:0"
	}
	return ""
}

// generalOptions are those of iptables itself that a rule has.
const generalOptions = "protocol source src destination dst in-interface out-interface fragment:0 match jump goto ipv4:0 ipv6:0 set-counters"

// findOption looks up an option by its name, or by an unambiguous abbreviation.
func findOption(options, name string, abbreviated bool) (full string, values int, found bool) {
	for option := range strings.FieldsSeq(options) {
		option, count, counted := strings.Cut(option, ":")
		if option != name && (!abbreviated || !strings.HasPrefix(option, name)) {
			continue
		}
		if found {
			return "", 0, false
		}
		full, values, found = option, 1, true
		if counted {
			values = int(count[0] - '0')
		}
	}
	return full, values, found
}
