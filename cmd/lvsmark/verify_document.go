package main

import (
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/verify"
)

// A verifyDocument is the JSON output of verify.
type verifyDocument struct {
	Version       int                  `json:"version"`
	Answer        string               `json:"answer"` // equivalent, different, not proven
	Differences   []differenceDocument `json:"differences"`
	More          int                  `json:"more"` // kinds of differences that are left out
	NotProven     []reasonDocument     `json:"not_proven"`
	NotUnderstood []remarkDocument     `json:"not_understood"`
	Findings      []remarkDocument     `json:"findings"`
	Assumptions   []remarkDocument     `json:"assumptions"`
	Kept          []tableDocument      `json:"kept"`
	Replaced      []tableDocument      `json:"replaced"`
}

type differenceDocument struct {
	Kind   string            `json:"kind"`
	Packet packetDocument    `json:"packet"`
	Second *packetDocument   `json:"second,omitempty"` // if two packets together show the difference
	Old    treatmentDocument `json:"old"`
	New    treatmentDocument `json:"new"`
}

type packetDocument struct {
	Protocol uint8  `json:"protocol"`
	From     string `json:"from"`
	To       string `json:"to"`
	Flags    uint8  `json:"tcp_flags"`
	Text     string `json:"text"`
}

type treatmentDocument struct {
	Outcome string         `json:"outcome"`
	Mark    uint32         `json:"mark"`
	Service string         `json:"service,omitempty"`
	Steps   []stepDocument `json:"steps"`
}

type stepDocument struct {
	Text string `json:"text"`
	Hook string `json:"hook,omitempty"` // prerouting, input, …
	Sent bool   `json:"sent,omitempty"` // on the way from IPVS to a real server
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

type reasonDocument struct {
	File   string         `json:"file,omitempty"`
	Line   int            `json:"line,omitempty"`
	Text   string         `json:"text,omitempty"`
	Reason string         `json:"reason"`
	Packet packetDocument `json:"packet"`
}

type remarkDocument struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Text    string `json:"text"`
	Message string `json:"message"`
}

type tableDocument struct {
	Family string `json:"family"`
	Name   string `json:"name"`
	Rules  int    `json:"rules"`
}

func newVerifyDocument(r *verify.Report) verifyDocument {
	d := verifyDocument{
		Version: documentVersion, Answer: r.Answer(), More: r.Truncated, Differences: []differenceDocument{}, NotProven: []reasonDocument{},
		NotUnderstood: newRemarks(r.NotUnderstood), Findings: newRemarks(r.Findings), Assumptions: newRemarks(r.Assumptions),
		Kept: newTables(r.Kept), Replaced: newTables(r.Replaced),
	}
	for _, difference := range r.Differences {
		item := differenceDocument{Kind: difference.Kind, Packet: newPacket(difference.Packet), Old: newTreatment(difference.Old), New: newTreatment(difference.New)}
		if difference.Second != nil {
			item.Second = new(newPacket(*difference.Second))
		}
		d.Differences = append(d.Differences, item)
	}
	for _, u := range r.Unproven {
		item := reasonDocument{Reason: printable.Excerpt(u.Reason), Packet: newPacket(u.Packet)}
		if u.Rule != nil {
			item.File, item.Line, item.Text = u.Rule.File, u.Rule.Number, u.Rule.Excerpt()
		}
		d.NotProven = append(d.NotProven, item)
	}
	return d
}

func newPacket(p exact.Packet) packetDocument {
	return packetDocument{p.Protocol, p.From.String(), p.To.String(), p.Flags, p.String()}
}

func newTreatment(t exact.Treatment) treatmentDocument {
	d := treatmentDocument{Outcome: t.Outcome, Mark: t.Mark, Steps: []stepDocument{}}
	if t.Service != nil {
		d.Service = verify.ServiceText(t.Service)
	}
	for _, s := range t.Steps {
		item := stepDocument{Text: verify.StepText(s), Hook: verify.HookName(s.Hook), Sent: s.Sent}
		if s.Rule != nil {
			item.File, item.Line = s.Rule.File, s.Rule.Number
		}
		d.Steps = append(d.Steps, item)
	}
	return d
}

func newRemarks(list []oldconfig.Remark) []remarkDocument {
	documents := make([]remarkDocument, len(list))
	for i, m := range list {
		documents[i] = remarkDocument{m.File, m.Number, m.Excerpt(), m.Message}
	}
	return documents
}

func newTables(list []verify.Table) []tableDocument {
	documents := make([]tableDocument, len(list))
	for i, t := range list {
		documents[i] = tableDocument{t.Family.String(), t.Name, t.Rules}
	}
	return documents
}
