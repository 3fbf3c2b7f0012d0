package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/lvsmark/lvsmark/internal/plainyaml"
)

// maxDepth limits the nesting of lists and mappings; a spec needs 6.
const maxDepth = 16

// strict is a plugin of the YAML library that limits nesting and does not follow
// aliases.
type strict struct{}

var (
	_ yaml.LoaderLimitsPlugin = strict{}
	_ yaml.AliasDataPlugin    = strict{}
	_ yaml.AliasDataContext   = strict{}
)

// CheckDepth implements yaml.LoaderLimitsPlugin.
func (strict) CheckDepth(depth int, _ *yaml.DepthContext) error {
	if depth > maxDepth {
		return fmt.Errorf("lists and mappings are nested more than %d deep; a spec needs no more than 6", maxDepth)
	}
	return nil
}

// CheckAlias implements yaml.LoaderLimitsPlugin.
func (strict) CheckAlias(_, _ int) error { return nil }

// NewAliasDataContext implements yaml.AliasDataPlugin.
func (s strict) NewAliasDataContext(yaml.AliasDataServices) (yaml.AliasDataContext, error) {
	return s, nil
}

// BeginDocument implements yaml.AliasDataContext.
func (strict) BeginDocument() error { return nil }

// EndDocument implements yaml.AliasDataContext.
func (strict) EndDocument() error { return nil }

// DefineAnchor implements yaml.AliasDataContext.
func (strict) DefineAnchor(string, *yaml.Node) error { return nil }

// ResolveAlias implements yaml.AliasDataContext. It resolves every alias to an empty
// node, so that refuseIndirection can report all of them with their positions.
func (strict) ResolveAlias(string) (*yaml.Node, bool, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, true, nil
}

// readDocument returns the top node of the only document in text. It returns nil
// after it reported that there is no usable document.
func readDocument(text []byte, report *report) *yaml.Node {
	if root := plainyaml.Read(text); root != nil {
		return root
	}
	loader, err := yaml.NewLoader(bytes.NewReader(text), yaml.WithPlugin(strict{}))
	if err != nil {
		report.mistake(position{1, 1}, "%v", err)
		return nil
	}
	document, err := nextDocument(loader)
	switch {
	case err == io.EOF:
		report.mistake(position{1, 1}, "the file is empty; it needs clusters:")
		return nil
	case err != nil:
		reportSyntax(err, text, report)
		return nil
	}
	if second, err := nextDocument(loader); err == nil {
		report.mistake(at(second), "a second document starts here; one file is one spec, so remove %s", separators(text, at(second).line))
	} else if err != io.EOF {
		reportSyntax(err, text, report)
	}
	root := document.Content[0]
	if isNull(root) {
		report.mistake(position{1, 1}, "the file is empty; it needs clusters:")
		return nil
	}
	refuseIndirection(root, report)
	return root
}

func nextDocument(loader *yaml.Loader) (*yaml.Node, error) {
	var document yaml.Node
	if err := loader.Load(&document); err != nil {
		return nil, err
	}
	return &document, nil
}

// reportSyntax reports an error of the YAML library, with the library's own text if there
// is no clearer one.
func reportSyntax(err error, text []byte, report *report) {
	failure, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		report.mistake(position{1, 1}, "not YAML: %v", err)
		return
	}
	place := position{max(failure.Mark.Line, failure.ContextMark.Line, 1), 1}
	if failure.Mark.Line > 0 {
		place.column = max(failure.Mark.Column, 1)
	}
	if strings.Contains(failure.Message, "nested more than") {
		report.mistake(place, "%s", failure.Message)
		return
	}
	if problem := startProblem(failure.Message, text, place); problem != "" {
		report.mistake(place, "not YAML: %s", problem)
		return
	}
	message := failure.Message
	if failure.ContextMsg != "" {
		message += " " + failure.ContextMsg
	}
	report.mistake(place, "not YAML: %s; check indentation (spaces, no tabs), brackets and quotes near here", message)
}

// refuseIndirection reports anchors, aliases, merge keys and tags: with them, a
// value means something else than its text. Tagged values become alias nodes,
// which decoders skip without a further message.
func refuseIndirection(n *yaml.Node, report *report) {
	switch {
	case n.Kind == yaml.AliasNode:
		report.mistake(at(n), "alias %s is not allowed; write the value itself", quote("*"+n.Value))
		return
	case n.Anchor != "":
		report.mistake(at(n), "anchor %s is not allowed; write the value at each place", quote("&"+n.Anchor))
	}
	if n.Style&yaml.TaggedStyle != 0 || n.Tag == "!" {
		report.mistake(at(n), "tag %s is not allowed; write the value without it", quote(n.Tag))
		n.Kind = yaml.AliasNode
		return
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && isMergeKey(child) {
			report.mistake(at(child), "merge key << is not allowed; write the keys themselves")
		}
		refuseIndirection(child, report)
	}
}
