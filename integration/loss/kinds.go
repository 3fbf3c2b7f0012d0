package main

// kinds returns all kinds of change, which lvsmark must apply without loss. One kind
// runs the lvsmark binary at path program; all others use the engine, which is faster.
func kinds(program string) []kind {
	second := cluster{name: "second", mark: 22, vips: []string{"198.51.100.31"}, ports: wide}
	web := cluster{name: "web", mark: 80, vips: []string{"198.51.100.21"}, ports: "ports: [80, 443]"}
	quic := web.on("ports: [80, udp/443]")
	all := cluster{name: "all", mark: 7, vips: []string{"198.51.100.21", "198.51.100.31"}, ports: "ports: [all]"}
	moreVIPs := of(ftp().and("198.51.100.23", "198.51.100.24", "2001:db8::22"))
	inner := cluster{name: "inner", mark: 24, vips: []string{"198.18.4.0/23", "198.18.7.7"}, ports: narrow}
	oneOfFive := withOthers(4)
	oneOfFive[0] = oneOfFive[0].on(wide)
	return []kind{
		{name: "same spec", specs: sequence(of(ftp())), apply: throughEngineNoWrite},
		{name: "VIPs added and removed", specs: sequence(of(ftp()), moreVIPs)},
		{name: "the same, by the program", specs: sequence(of(ftp()), moreVIPs), apply: throughProgram(program)},
		{name: "VIP of another network added and removed", specs: sequence(of(ftp()), of(ftp().and("203.0.113.21", "2001:db9::21")))},
		{name: "ports changed", specs: sequence(of(ftp()), of(ftp().on(wide)))},
		{name: "ports changed, of one profile in five", specs: sequence(of(withOthers(4)...), of(oneOfFive...))},
		{name: "cluster added and removed", specs: sequence(of(ftp()), of(withOthers(1)...))},
		{name: "cluster added to a VIP, and removed", specs: sequence(of(ftp()), of(ftp(), web))},
		{name: "VIP moved to another cluster", specs: sequence(
			of(ftp(), second),
			of(ftp().without("198.51.100.22"), second.and("198.51.100.22")),
		)},
		{name: "mark changed", specs: sequence(of(ftp()), of(ftp().marked(22)))},
		{name: "forwarding changed, direct and nat", specs: sequence(of(ftp()), of(ftp().behindNAT()))},
		{name: "map grown past its size, and back", specs: sequence(of(ftp(), numerous(400)), of(ftp(), numerous(1100)))},
		{name: "1, 2, 3, 8, 2 profiles", specs: sequence(
			of(ftp()), of(withOthers(1)...), of(withOthers(2)...), of(withOthers(7)...), of(withOthers(1)...),
		)},
		{name: "ranges of two profiles overlap, and not", specs: sequence(
			of(ftp(), second),
			of(ftp(), second.on("ftp: {passive-ports: 30000-40000}")),
		)},
		{name: "first packets, and every packet", specs: sequence(of(ftp()), firstPackets(ftp()))},
		{name: "first packets, of several protocols", specs: sequence(of(ftp(), quic), firstPackets(ftp(), quic), of(withOthers(2)...), firstPackets(withOthers(2)...))},
		{name: "another only, and none", specs: sequence(of(ftp()), of(ftp().selected("sources: [203.0.113.0/24, '2001:db8:c00::/40']")), of(ftp().selected("sources: [203.0.0.0/16, '2001:db8::/32'], except-macs: ['02:00:00:00:00:99']")))},
		{name: "only added to one of two clusters", specs: sequence(of(ftp(), web), of(ftp().selected("devices: [wire, wan0]"), web))},
		{name: "network added and removed", specs: sequence(of(ftp()), of(ftp().and("198.18.0.0/16", "2001:db8:1::/64")))},
		{name: "networks changed", specs: sequence(
			of(ftp().and("198.18.0.0/16")),
			of(ftp().and("198.18.0.0-198.18.200.255", "198.19.0.0/22", "198.51.100.64-198.51.100.80")),
		)},
		{name: "cluster within a network added and removed", specs: sequence(of(ftp().and("198.18.0.0/16")), of(ftp().and("198.18.0.0/16"), inner))},
		{name: "VIPs become a network, and back", specs: sequence(
			of(ftp(), inner),
			of(ftp(), inner.without("198.18.7.7").and("198.18.6.0/23")),
		)},
		{name: "network and 1, 4, 1 profiles", specs: sequence(of(ftp().and("198.18.0.0/16")), of(withNetwork(3)...))},
		{name: "all ports of a VIP added and removed", specs: sequence(of(ftp(), web), of(ftp(), web, all))},
		{name: "chains of keep-marks and local-clients added and removed", specs: sequence(of(ftp()), hooked(ftp()))},
		{name: "source-nat added and removed", specs: sequence(of(ftp().behindNAT()), of(ftp().behindNAT().with("source-nat: masquerade"))), apply: rulesetOnly},
		{name: "passive ranges added and removed", specs: sequence(of(ftp()), of(ftp().on("ftp: {passive-ports: [2000-2999, 10000-20000, 40000-40999]}")))},
		{name: "ports of SCTP added and removed", specs: sequence(of(ftp(), web.on("ports: [80, sctp/2905]")), of(ftp(), web.on("ports: [80, sctp/2905-2910, sctp/36412]")))},
		{name: "passive shards, and none", specs: sequence(of(ftp()), of(ftp().sharded(3, 3)))},
		{name: "real server with a shard added and removed", specs: sequence(of(ftp().sharded(4, 3)), of(ftp().sharded(4, 4)))},
		{name: "2, 4, 3 shards, beside other clusters", specs: sequence(
			of(ftp().sharded(2, 2), web), of(ftp().sharded(4, 2), web, second.marked(122).on("ports: [8080]")), of(ftp().sharded(3, 3).and("198.18.0.0/16"), web),
		)},
		{name: "record of a drained real server added and removed", specs: sequence(of(ftp())), apply: drainRecord},
		{name: "table renamed", specs: sequence(of(ftp()), in("marks", ftp()))},
		{name: "priority changed by hand, and back", specs: sequence(of(ftp())), apply: fromOtherPriority},
	}
}

// controls returns common ways to reload a ruleset, which must lose packets: if they
// do not, the measurement shows nothing.
func controls() []kind {
	return []kind{
		{name: "nft -f: table deleted and added at once", specs: sequence(of(ftp())), apply: inOneTransaction, control: true},
		{name: "script: table deleted, then added", specs: sequence(of(ftp())), apply: inTwoTransactions, control: true},
	}
}

func sequence(documents ...document) []document { return documents }
