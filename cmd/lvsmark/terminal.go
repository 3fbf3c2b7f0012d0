package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
	"github.com/lvsmark/lvsmark/internal/impact"
)

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	file := fileOf(w)
	if file == nil {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

// A palette colours text. The zero value returns it unchanged.
type palette struct{ colours bool }

// paletteOf returns a palette with colours if w is a terminal that shows them, unless
// NO_COLOR is set (https://no-color.org).
func paletteOf(w io.Writer) palette {
	return palette{os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)}
}

// The sequences of ECMA-48, SGR.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

func (p palette) heading(text string) string { return p.paint(bold, text) }

// change returns the sequences before and after a change.
func (p palette) change(op lvsmark.Op) (start, end string) {
	switch {
	case !p.colours:
		return "", ""
	case op == lvsmark.Add:
		return green, plain
	case op == lvsmark.Delete:
		return red, plain
	}
	return yellow, plain
}

// impact colours the text of an effect by its severity.
func (p palette) impact(effect impact.Effect, text string) string {
	switch effect {
	case impact.Cuts:
		return p.paint(bold+red, text)
	case impact.Drains:
		return p.paint(yellow, text)
	}
	return text
}

func (p palette) paint(sequence, text string) string {
	if !p.colours {
		return text
	}
	return sequence + text + plain
}
