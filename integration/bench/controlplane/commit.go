package controlplane

import (
	"runtime"
	"time"

	"github.com/lvsmark/lvsmark/nft"
)

// rehearsed is the ruleset of the site in the form of the kernel.
func rehearsed(s *site) (*nft.Ruleset, error) { return nft.Rehearse(nft.Compile(s.spec)) }

// commit makes lvsmark's tables those of the ruleset, in this process, and returns
// the time of that alone: the difference is found, encoded and committed.
func (d *director) commit(to *nft.Ruleset) (took time.Duration, err error) {
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
		_, err = conn.Commit(nft.Compare(&from.Ruleset, to), from.Generation)
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
