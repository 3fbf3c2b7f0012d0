package ipvs

import "slices"

// Diff returns the changes that make want of have, in an order that never
// leaves a mark without the servers it has in both: new services with their
// servers, then additions and edits, and last what Change.Disrupts. A service or
// server that is in both is edited in place, so that its connections live on.
// What the kernel tells apart by address, family or port cannot be edited: the
// new server is added before the old one is deleted.
//
// Each argument holds a Key at most once. The order of servers, and their
// Connections, do not count.
func Diff(have, want []VirtualService) []Change {
	previous, wanted := byKey(have), byKey(want)
	changes := make([]Change, 0, additions(previous, want))
	for _, after := range want {
		if _, ok := previous[after.Key]; !ok {
			changes = append(changes, Change{Op: AddService, Service: after.Service})
			changes = append(changes, serverChanges(after.Service, nil, after.Destinations)...)
		}
	}
	for _, after := range want {
		before, ok := previous[after.Key]
		if !ok {
			continue
		}
		if before.Service != after.Service {
			changes = append(changes, Change{Op: EditService, Previous: before.Service, Service: after.Service})
		}
		changes = append(changes, serverChanges(after.Service, before.Destinations, after.Destinations)...)
	}
	for _, after := range want {
		if before, ok := previous[after.Key]; ok {
			changes = append(changes, serverRemovals(after.Service, before.Destinations, after.Destinations)...)
		}
	}
	for _, before := range have {
		if _, ok := wanted[before.Key]; !ok {
			changes = append(changes, serverRemovals(before.Service, before.Destinations, nil)...)
			changes = append(changes, Change{Op: DelService, Service: before.Service})
		}
	}
	return changes
}

// additions counts the changes that make the new services.
func additions(previous map[Key]VirtualService, want []VirtualService) int {
	n := 0
	for _, after := range want {
		if _, ok := previous[after.Key]; !ok {
			n += 1 + len(after.Destinations)
		}
	}
	return n
}

// sameDestinations reports whether all are as they should be, listed in the same order,
// as mostly they are.
func sameDestinations(before, after []Destination) bool {
	return slices.EqualFunc(before, after, func(a, b Destination) bool { return a.configured() == b.configured() })
}

// serverChanges returns the additions and then the edits of one service.
func serverChanges(service Service, before, after []Destination) []Change {
	if sameDestinations(before, after) {
		return nil
	}
	previous := byEndpoint(before)
	var added, edited []Change
	for _, server := range after {
		server = server.configured()
		old, ok := previous[server.Endpoint()]
		switch {
		case !ok:
			added = append(added, Change{Op: AddDestination, Service: service, After: server})
		case old != server:
			edited = append(edited, Change{Op: EditDestination, Service: service, Before: old, After: server})
		}
	}
	return append(added, edited...)
}

func serverRemovals(service Service, before, after []Destination) []Change {
	if sameDestinations(before, after) {
		return nil
	}
	wanted := byEndpoint(after)
	var removed []Change
	for _, server := range before {
		if _, ok := wanted[server.Endpoint()]; !ok {
			removed = append(removed, Change{Op: DelDestination, Service: service, Before: server.configured()})
		}
	}
	return removed
}

func byKey(services []VirtualService) map[Key]VirtualService {
	index := make(map[Key]VirtualService, len(services))
	for _, service := range services {
		index[service.Key] = service
	}
	return index
}

func byEndpoint(servers []Destination) map[Endpoint]Destination {
	index := make(map[Endpoint]Destination, len(servers))
	for _, server := range servers {
		index[server.Endpoint()] = server.configured()
	}
	return index
}
