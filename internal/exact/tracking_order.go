package exact

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// tracking is the priority of connection tracking: NF_IP_PRI_CONNTRACK of
// linux/netfilter_ipv4.h. It is in the hooks prerouting and output.
const tracking = -200

func isTracked(h oldconfig.Hook) bool { return h == oldconfig.Prerouting || h == oldconfig.Output }

// isLate reports whether the chain runs behind connection tracking. The kernel does not end the
// tracking of a packet there (nft_notrack_eval of net/netfilter/nft_ct.c), unless the packet has
// no connection.
func isLate(b *oldconfig.Base) bool {
	return b.Hook != oldconfig.Ingress && (b.Priority > tracking || !isTracked(b.Hook))
}

// hasUnknownOrder reports whether the chain has the priority of connection tracking. Of two with
// one priority, the one that was registered last runs first (nf_hook_entries_grow of
// net/netfilter/core.c), and the kernel does not tell which one that is.
func hasUnknownOrder(b *oldconfig.Base) bool { return b.Priority == tracking && isTracked(b.Hook) }

// asksTracking returns a rule of a chain, or of those that it jumps to, that depends on
// connection tracking. named returns a chain of the same table.
func asksTracking(chain *oldconfig.Chain, named func(string) *oldconfig.Chain, seen map[*oldconfig.Chain]bool) *oldconfig.Rule {
	seen[chain] = true
	for _, r := range chain.Rules {
		for at := r; at != nil; at = at.Then {
			if slices.ContainsFunc(at.Matches, isOfTracking) || slices.ContainsFunc(at.Actions, changesTracking) {
				return r
			}
			for _, a := range at.Actions {
				target := named(a.Chain)
				if target == nil || seen[target] {
					continue
				}
				if found := asksTracking(target, named, seen); found != nil {
					return found
				}
			}
		}
	}
	return nil
}

func isOfTracking(m oldconfig.Match) bool {
	switch m.Field {
	case oldconfig.State, oldconfig.ConnMark, oldconfig.OriginalSource, oldconfig.OriginalDestination, oldconfig.OriginalDestinationPort:
		return true
	}
	return false
}

func changesTracking(a oldconfig.Action) bool {
	switch a.Kind {
	case oldconfig.SetConnMark, oldconfig.SaveMark, oldconfig.RestoreMark, oldconfig.Untrack:
		return true
	}
	return false
}

// isTracking reports whether a rule of the family makes the kernel track connections. Without it, no
// chain of type nat runs (nf_nat_inet_fn of net/netfilter/nf_nat_core.c). notrack makes it not.
func isTracking(chains []*oldconfig.Chain, family oldconfig.Family) bool {
	tracks := func(a oldconfig.Action) bool {
		return a.AssignsHelper || a.Kind == oldconfig.TranslateSource || a.Kind == oldconfig.TranslateDestination ||
			a.Kind != oldconfig.Untrack && changesTracking(a)
	}
	for _, chain := range chains {
		for _, r := range chain.Rules {
			for at := r; at != nil && chain.Family == family; at = at.Then {
				if slices.ContainsFunc(at.Matches, isOfTracking) || slices.ContainsFunc(at.Actions, tracks) {
					return true
				}
			}
		}
	}
	return false
}

// stage is the priority at which a chain runs: chains of type nat run at those of NAT,
// whatever their own, which orders them among themselves.
func stage(b *oldconfig.Base) int {
	const destinationNAT, sourceNAT, scale = -100, 100, 1 << 20
	at := b.Priority
	if b.NAT {
		at = destinationNAT
		if b.Hook == oldconfig.Postrouting || b.Hook == oldconfig.Input {
			at = sourceNAT
		}
		return at*scale + min(max(b.Priority, -scale/2), scale/2-1)
	}
	return at * scale
}
