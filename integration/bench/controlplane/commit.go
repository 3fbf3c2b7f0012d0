package controlplane

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/nft"
)

// rehearsed is the ruleset of the site in the form of the kernel.
func rehearsed(s *site) (*nft.Ruleset, error) { return nft.Rehearse(nft.Compile(s.spec)) }

// turn makes lvsmark's tables those of the ruleset, in this process, and returns
// the time of that alone: the difference is found, encoded and committed.
func (d *director) turn(to *nft.Ruleset) (took time.Duration, err error) {
	err = d.Do(func() error {
		conn, err := nft.Dial()
		if err != nil {
			return err
		}
		defer conn.Close()
		from, err := conn.Snapshot()
		if err != nil {
			return err
		}
		runtime.GC() // what was done before this is not to be paid for in it
		begin := time.Now()
		_, err = conn.Turn(&from.Ruleset, to, from.Generation)
		took = time.Since(begin)
		return err
	})
	return took, err
}

// generation is that of the director's ruleset: each write adds to it.
func (d *director) generation() (generation uint32, err error) {
	err = d.Do(func() error {
		conn, err := nft.Dial()
		if err != nil {
			return err
		}
		defer conn.Close()
		generation, err = conn.Generation()
		return err
	})
	return generation, err
}

// oneElement checks that the difference is one more element of a map, and returns
// it, and its map, as nft writes them.
func oneElement(from, to *nft.Ruleset) (where, element string, err error) {
	changes := nft.Compare(from, to).Changes
	if len(changes) != 1 || changes[0].Op != nft.Add || changes[0].Kind != "element" {
		return "", "", fmt.Errorf("one VIP more is not one element but %d changes", len(changes))
	}
	return strings.TrimPrefix(changes[0].Where, "map "), changes[0].After, nil
}
