// Command picture draws the way of packets as SVG, from a text that lists the steps of each
// connection; docs/packet-path.txt explains the text.
//
// Usage: go -C tools run ./picture SOURCE > PICTURE
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: picture SOURCE")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		var p *picture
		if p, err = parse(string(text)); err == nil {
			fmt.Print(p.svg())
			return
		}
	}
	fmt.Fprintln(os.Stderr, "picture:", err)
	os.Exit(1)
}
