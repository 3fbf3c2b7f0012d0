package main

import (
	"os"
	"strings"
	"testing"
)

// TestPictures compares the pictures of docs with their sources.
func TestPictures(t *testing.T) {
	text, err := os.ReadFile("../../docs/packet-path.txt")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := os.ReadFile("../../docs/packet-path.svg")
	if err != nil {
		t.Fatal(err)
	}
	if string(drawn) != p.svg() {
		t.Error("docs/packet-path.svg is not that of its source: go -C tools run ./picture ../docs/packet-path.txt > docs/packet-path.svg")
	}
}

// TestMistakes checks that mistakes in a source have their line.
func TestMistakes(t *testing.T) {
	for source, want := range map[string]string{
		"box 1":                   "line 1: unknown keyword",
		"lane a b":                "line 1: ",
		"row a\nstep 1 host":      "line 2: a step needs",
		"row a\nstep 1 desk text": "line 2: unknown kind",
		"step 1 host text":        "line 1: unknown keyword",
	} {
		if _, err := parse(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", source, err)
		}
	}
}
