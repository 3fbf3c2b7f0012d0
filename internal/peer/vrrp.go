package peer

import (
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// advertisements checks that each director sends its advertisements to the other one, as far
// as source says which address that has.
func advertisements(ours, theirs *config.VRRP) (found []Difference) {
	if ours == nil || theirs == nil {
		return nil
	}
	if a, b := joined(ours.Peers), joined(theirs.Peers); a == b {
		return []Difference{{"director.vrrp", "peers " + a, "peers " + b, "with the same peers, one of the directors names itself and not the other, so both would have the VIPs: peers are the other directors"}}
	}
	const reason = "a director that gets no advertisements of the other takes the VIPs too: peers names the source of the other"
	if ours.Source.IsValid() && !slices.Contains(theirs.Peers, ours.Source) {
		found = append(found, Difference{"director.vrrp", "source " + ours.Source.String(), "peers " + joined(theirs.Peers), reason})
	}
	if theirs.Source.IsValid() && !slices.Contains(ours.Peers, theirs.Source) {
		found = append(found, Difference{"director.vrrp", "peers " + joined(ours.Peers), "source " + theirs.Source.String(), reason})
	}
	return found
}

// advertisedVIPs compares the VIP in advertisements. The same VIPs in another form may have another
// one: a network is a route, which keepalived does not advertise. VIPs that one director alone has
// are a difference already, and may be the reason.
func advertisedVIPs(ours, theirs *config.Spec) []Difference {
	a, b := ours.AdvertisedVIP(), theirs.AdvertisedVIP()
	if !a.IsValid() || !b.IsValid() || a == b {
		return nil
	}
	text := func(vip netip.Addr) string { return "advertised VIP " + vip.String() }
	return []Difference{{"director.vrrp", text(a), text(b), "keepalived ignores advertisements of another VIP, so both directors would have the VIPs: write the VIPs in the same form"}}
}
