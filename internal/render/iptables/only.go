package iptables

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// inOrder returns the clusters without only first: a later rule replaces their marks.
func inOrder(clusters []config.Cluster) []*config.Cluster {
	list := make([]*config.Cluster, 0, len(clusters))
	for _, restricted := range []bool{false, true} {
		for i := range clusters {
			if (clusters[i].Only != nil) == restricted {
				list = append(list, &clusters[i])
			}
		}
	}
	return list
}

// A condition is matches of a rule, each empty or with a space at its end.
type condition struct{ source, device, senders string }

// conditions returns the conditions of only, with one rule for each: one that matches
// everything for nil. The match mac never matches packets that come in by a device that is
// not Ethernet (xt_mac of the kernel), inverted or not.
func conditions(only *config.Only, family config.Family) []condition {
	if only == nil {
		return []condition{{}}
	}
	var senders strings.Builder
	for _, mac := range only.ExceptMACs {
		senders.WriteString(fmt.Sprintf("-m mac ! --mac-source %s ", mac))
	}
	sources, devices := []string{""}, []string{""}
	if list := only.SourcesOf(family); len(list) > 0 {
		sources = nil
		for _, source := range list {
			sources = append(sources, fmt.Sprintf("-s %s ", source))
		}
	}
	if len(only.Devices) > 0 {
		devices = nil
		for _, device := range only.Devices {
			devices = append(devices, fmt.Sprintf("-i %s ", device))
		}
	}
	var all []condition
	for _, source := range sources {
		for _, device := range devices {
			all = append(all, condition{source, device, senders.String()})
		}
	}
	return all
}
