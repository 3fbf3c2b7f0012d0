// Package systemd has the unit of lvsmark.
package systemd

import _ "embed"

//go:embed lvsmark.service
var unit string

// Unit returns the text of lvsmark.service.
func Unit() string { return unit }
