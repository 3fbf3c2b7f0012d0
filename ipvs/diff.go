package ipvs

import "slices"

// Diff returns the changes from have to want. Their order keeps the destinations of a mark
// that both states have: first new services with their destinations, then additions and
// edits, then the changes that disrupt (see Change.Disrupts). A service or destination in
// both states is edited in place, which keeps its connections. Family, address and port
// identify a destination in the kernel and cannot be edited: the new destination is added
// before the old one is deleted.
//
// In each argument, Keys are unique. The order of destinations and their Connections are
// ignored.
func Diff(have, want []VirtualService) []Change {
	previous, wanted := byKey(have), byKey(want)
	changes := make([]Change, 0, additions(previous, want))
	for _, after := range want {
		if _, ok := previous[after.Key]; !ok {
			changes = append(changes, Change{Op: AddService, Service: after.Service})
			changes = append(changes, destinationChanges(after.Service, nil, after.Destinations)...)
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
		changes = append(changes, destinationChanges(after.Service, before.Destinations, after.Destinations)...)
	}
	for _, after := range want {
		if before, ok := previous[after.Key]; ok {
			changes = append(changes, destinationRemovals(after.Service, before.Destinations, after.Destinations)...)
		}
	}
	for _, before := range have {
		if _, ok := wanted[before.Key]; !ok {
			changes = append(changes, destinationRemovals(before.Service, before.Destinations, nil)...)
			changes = append(changes, Change{Op: DelService, Service: before.Service})
		}
	}
	return changes
}

// additions returns the number of changes that add the new services.
func additions(previous map[Key]VirtualService, want []VirtualService) int {
	n := 0
	for _, after := range want {
		if _, ok := previous[after.Key]; !ok {
			n += 1 + len(after.Destinations)
		}
	}
	return n
}

// sameDestinations reports whether two lists are equal, order included, as most are.
func sameDestinations(before, after []Destination) bool {
	return slices.EqualFunc(before, after, func(a, b Destination) bool { return a.configured() == b.configured() })
}

// destinationChanges returns the additions, then the edits, of one service.
func destinationChanges(service Service, before, after []Destination) []Change {
	if sameDestinations(before, after) {
		return nil
	}
	previous := byEndpoint(before)
	var added, edited []Change
	for _, dest := range after {
		dest = dest.configured()
		old, ok := previous[dest.Endpoint()]
		switch {
		case !ok:
			added = append(added, Change{Op: AddDestination, Service: service, After: dest})
		case old != dest:
			edited = append(edited, Change{Op: EditDestination, Service: service, Before: old, After: dest})
		}
	}
	return append(added, edited...)
}

func destinationRemovals(service Service, before, after []Destination) []Change {
	if sameDestinations(before, after) {
		return nil
	}
	wanted := byEndpoint(after)
	var removed []Change
	for _, dest := range before {
		if _, ok := wanted[dest.Endpoint()]; !ok {
			removed = append(removed, Change{Op: DelDestination, Service: service, Before: dest.configured()})
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

func byEndpoint(destinations []Destination) map[Endpoint]Destination {
	index := make(map[Endpoint]Destination, len(destinations))
	for _, dest := range destinations {
		index[dest.Endpoint()] = dest.configured()
	}
	return index
}
