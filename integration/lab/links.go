package lab

import (
	"slices"
	"strings"
)

// awaitLinks waits until the devices of all hosts pass packets. The kernel makes a new device
// operational, and the port of a bridge forward, by a worker that runs up to a second after both
// ends of the link are up: until then packets are lost.
func (l *Lab) awaitLinks() error {
	for _, h := range l.hosts {
		err := l.poll("the devices of "+h.Name, func() bool {
			listing, err := h.Run("ip", "-details", "-oneline", "link")
			return err == nil && LinksPass(listing)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// LinksPass reports whether each device that is up passes packets, in the output of
// `ip -details -oneline link`: it is operational, and forwards if it is the port of a bridge.
func LinksPass(listing string) bool {
	for line := range strings.Lines(listing) {
		_, rest, _ := strings.Cut(line, "<")
		flags, rest, _ := strings.Cut(rest, ">")
		if !slices.Contains(strings.Split(flags, ","), "UP") {
			continue
		}
		if state := wordAfter(rest, " state "); state != "UP" && state != "UNKNOWN" { // RFC 2863; UNKNOWN: no driver says more
			return false
		}
		if port := wordAfter(rest, " bridge_slave state "); port != "" && port != "forwarding" {
			return false
		}
	}
	return true
}

// wordAfter returns the word after the first occurrence of a text; empty: there is none.
func wordAfter(line, text string) string {
	_, rest, _ := strings.Cut(line, text)
	word, _, _ := strings.Cut(rest, " ")
	return strings.TrimSpace(word)
}
