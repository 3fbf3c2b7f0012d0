package main

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark"
)

// isTerminal reports whether a person reads what is written to w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

// A palette paints text, or leaves it as it is: the zero value.
type palette struct{ colours bool }

// paletteOf gives colours to a terminal that shows them, unless the operator
// wants none (https://no-color.org).
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

// change is what stands before and behind a change.
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

// impact has what hurts stand out.
func (p palette) impact(effect lvsmark.Effect, text string) string {
	switch effect {
	case lvsmark.Cuts:
		return p.paint(bold+red, text)
	case lvsmark.Drains:
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
