package specgen

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// Of 200 specs, several have each key.
func TestKeys(t *testing.T) {
	keys := map[string]func(*config.Spec, config.Cluster) bool{
		"networks":   func(_ *config.Spec, c config.Cluster) bool { return slices.ContainsFunc(c.VIPs, isNetwork) },
		"only":       func(_ *config.Spec, c config.Cluster) bool { return c.Only != nil },
		"source-nat": func(_ *config.Spec, c config.Cluster) bool { return c.SourceNAT != config.NoSourceNAT },
		"several passive ranges": func(_ *config.Spec, c config.Cluster) bool {
			return c.FTP != nil && len(c.FTP.PassivePorts) > 1
		},
		"all ports": func(_ *config.Spec, c config.Cluster) bool { return len(c.Ports) == 1 && c.Ports[0].IsAll() },
		"sctp": func(_ *config.Spec, c config.Cluster) bool {
			return slices.ContainsFunc(c.Ports, func(r config.PortRange) bool { return r.Protocol == config.SCTP })
		},
		"scheduler-flags":       func(_ *config.Spec, c config.Cluster) bool { return c.Hash != config.HashFlags{} },
		"one-packet":            func(_ *config.Spec, c config.Cluster) bool { return c.OnePacket },
		"port of a real server": anyServer(func(s config.RealServer) bool { return s.Port != 0 }),
		"thresholds":            anyServer(func(s config.RealServer) bool { return s.UpperThreshold != 0 }),
		"tunnel":                anyServer(func(s config.RealServer) bool { return s.Encapsulation != config.Encapsulation{} }),
		"forwarding of real servers": func(_ *config.Spec, c config.Cluster) bool {
			return slices.ContainsFunc(c.RealServers, func(s config.RealServer) bool { return s.Forwarding != c.Forwarding })
		},
		"marks":         func(s *config.Spec, _ config.Cluster) bool { return s.Director.Marks == config.FirstPacket },
		"keep-marks":    func(s *config.Spec, _ config.Cluster) bool { return s.Director.KeepMarks },
		"sync":          func(s *config.Spec, _ config.Cluster) bool { return s.Director.Sync != nil },
		"shards":        func(_ *config.Spec, c config.Cluster) bool { return c.Sharded() },
		"local-clients": func(s *config.Spec, _ config.Cluster) bool { return s.Director.LocalClients },
	}
	counts := map[string]int{}
	for i := range 200 {
		spec := Spec(random(i))
		for name, has := range keys {
			if slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool { return has(spec, c) }) {
				counts[name]++
			}
		}
	}
	for name := range keys {
		assert.Greater(t, counts[name], 4, name)
	}
	t.Log(counts)
}

func isNetwork(r config.AddressRange) bool { return !r.IsSingle() }

func anyServer(has func(config.RealServer) bool) func(*config.Spec, config.Cluster) bool {
	return func(_ *config.Spec, c config.Cluster) bool { return slices.ContainsFunc(c.RealServers, has) }
}

// Some changes of Near are of the key only.
func TestNearOnly(t *testing.T) {
	changed := 0
	for i := range 200 {
		r := random(i)
		spec := Spec(r)
		next := Near(r, spec)
		for _, c := range next.Clusters {
			j := slices.IndexFunc(spec.Clusters, func(o config.Cluster) bool { return o.Name == c.Name })
			if j >= 0 && (c.Only == nil) != (spec.Clusters[j].Only == nil) {
				changed++
			}
		}
	}
	assert.Greater(t, changed, 9)
}
