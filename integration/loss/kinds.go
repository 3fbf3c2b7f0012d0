package main

// kinds are all kinds of change, each of which lvsmark makes without a loss. The
// program is lvsmark itself, for one of them; all others go through the engine,
// which is faster.
func kinds(program string) []kind {
	second := cluster{name: "second", mark: 22, vips: []string{"198.51.100.31"}, ports: wide}
	web := cluster{name: "web", mark: 80, vips: []string{"198.51.100.21"}, ports: "ports: [80, 443]"}
	moreVIPs := of(ftp().and("198.51.100.23", "198.51.100.24", "2001:db8::22"))
	amongMany := withOthers(4)
	amongMany[0] = amongMany[0].on(wide)
	return []kind{
		{name: "same spec", specs: turns(of(ftp())), way: withoutWriting},
		{name: "VIPs added and removed", specs: turns(of(ftp()), moreVIPs)},
		{name: "the same, by the program", specs: turns(of(ftp()), moreVIPs), way: throughProgram(program)},
		{name: "VIP of another network added and removed", specs: turns(of(ftp()), of(ftp().and("203.0.113.21", "2001:db9::21")))},
		{name: "ports changed", specs: turns(of(ftp()), of(ftp().on(wide)))},
		{name: "ports changed, of one profile in five", specs: turns(of(withOthers(4)...), of(amongMany...))},
		{name: "cluster added and removed", specs: turns(of(ftp()), of(withOthers(1)...))},
		{name: "cluster added to a VIP, and removed", specs: turns(of(ftp()), of(ftp(), web))},
		{name: "VIP moved to another cluster", specs: turns(
			of(ftp(), second),
			of(ftp().without("198.51.100.22"), second.and("198.51.100.22")),
		)},
		{name: "mark changed", specs: turns(of(ftp()), of(ftp().marked(22)))},
		{name: "forwarding changed, direct and nat", specs: turns(of(ftp()), of(ftp().behindNAT()))},
		{name: "map grown past its size, and back", specs: turns(of(ftp(), numerous(400)), of(ftp(), numerous(1100)))},
		{name: "1, 2, 3, 8, 2 profiles", specs: turns(
			of(ftp()), of(withOthers(1)...), of(withOthers(2)...), of(withOthers(7)...), of(withOthers(1)...),
		)},
		{name: "ranges of two profiles overlap, and not", specs: turns(
			of(ftp(), second),
			of(ftp(), second.on("ftp: {passive-ports: 30000-40000}")),
		)},
		{name: "table renamed", specs: turns(of(ftp()), in("marks", ftp()))},
		{name: "priority changed by hand, and back", specs: turns(of(ftp())), way: behindAnotherPriority},
	}
}

// controls are usual ways of a reload, each of which has to lose packets: if
// none is lost there, nothing is shown.
func controls() []kind {
	return []kind{
		{name: "nft -f: table deleted and added at once", specs: turns(of(ftp())), way: inOneTransaction, control: true},
		{name: "script: table deleted, then added", specs: turns(of(ftp())), way: oneByOne, control: true},
	}
}

func turns(documents ...document) []document { return documents }
