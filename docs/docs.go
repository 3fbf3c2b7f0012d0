// Package docs has the pages that the program itself uses.
package docs

import _ "embed"

//go:embed spec.md
var spec string

// Spec returns the page that describes the spec, in Markdown.
func Spec() string { return spec }
