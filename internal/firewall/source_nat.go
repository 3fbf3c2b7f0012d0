package firewall

import (
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// sourceNATsOf returns the translations of packets that IPVS sends to real servers, by mark;
// nil if there are none.
func sourceNATsOf(ends []config.Binding) map[uint32]translation {
	kinds := map[config.SourceNAT]config.Translation{
		config.NoSourceNAT: config.NoTranslation, config.SourceNATMasquerade: config.Masquerade, config.SourceNATToVIP: config.SNAT,
	}
	translations, found := map[uint32]translation{}, false
	for _, b := range ends {
		to := b.Cluster.SourceNAT
		found = found || to != config.NoSourceNAT
		translations[b.Mark] = translation{kinds[to], b.Cluster.VIPsOf(b.Family)[0].First}
	}
	if !found {
		return nil
	}
	return translations
}

// translatesAny reports whether lvsmark has a rule that translates packets of the family.
func translatesAny(spec *config.Spec, family nft.Family, t Tracking) bool {
	bindings := spec.Bindings(specFamily(family))
	for _, to := range translationsOf(active.ends(bindings, t)) {
		if to.kind != config.NoTranslation {
			return true
		}
	}
	return sourceNATsOf(toServer.ends(bindings, t)) != nil
}

// hasSourceNAT reports whether the packets are to get another source address after IPVS.
func (s *space) hasSourceNAT(p part) bool {
	return len(s.translations) > 0 && (s.flow == toVIP || s.flow == toServer) && s.isTranslated(p)
}

// needsMark reports whether the packets need the cluster's mark after the current chain: on
// their way to IPVS, until lvsmark sets it once more, and after IPVS for source-nat.
func (w *walk) needsMark(p part) bool {
	switch w.space.flow {
	case toVIP:
		return w.hookPoint.position != beforeMarks && !w.isBeforeKeep()
	case toServer:
		late := w.hookPoint.hook == postrouting && w.hookPoint.stage.priority >= nft.ActivePriority
		return !late && w.space.hasSourceNAT(p)
	}
	return false
}

// isBeforeKeep reports whether lvsmark sets the mark once more after the current chain.
func (w *walk) isBeforeKeep() bool {
	at := w.hookPoint.stage
	return w.space.keepMarks && (at.hook <= prerouting || at.hook == inputOrForward && at.priority < nft.KeepPriority)
}

// forgetMarks forgets marks that earlier chains may have set, if lvsmark has set its own
// between them and the next chain.
func (w *walk) forgetMarks(previous, next hookPoint) {
	if w.space.flow != toVIP || next.position == beforeMarks {
		return
	}
	w.hookPoint = next
	if !w.isBeforeKeep() || previous.position == beforeMarks {
		w.changed.mark = false
	}
}

// A sourceTranslation is a nat statement that changes the source.
type sourceTranslation struct {
	masquerade bool
	to         *natRange // nil: not known
}

func (sourceTranslation) decides() bool { return true }

func (s sourceTranslation) take(w *walk, at place, branches []branch) (_ []branch, ended []outcome) {
	for _, b := range branches {
		resolve := func(v value) value { return w.resolve(&b, v) }
		moved := w.space.flow == active && !s.to.portChange().keeps(b.part, resolve)
		translated := w.space.flow == active || w.space.hasSourceNAT(b.part)
		if translated && w.hookPoint.hook == postrouting && w.space.differs(b.part, s.masquerade, resolve(s.to.address()), moved) {
			w.report(at, b, TranslatesSource)
		}
	}
	return verdict{kind: expr.VerdictAccept}.take(w, at, branches)
}

// differs reports whether a statement translates any packet of the part to another source
// than lvsmark does. to is the address of a translation that does not masquerade. moved means
// that it gives active data another port, by which clients and their firewalls may know it.
// The port of a client has no meaning.
func (s *space) differs(p part, masquerade bool, to value, moved bool) bool {
	return s.anyTranslation(p, func(t translation) bool {
		switch t.kind {
		case config.Masquerade:
			return moved || !masquerade
		case config.SNAT:
			return moved || masquerade || to.kind != constant || !slices.Equal(to.bytes, t.vip.AsSlice())
		}
		return false
	})
}
