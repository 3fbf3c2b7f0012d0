package controlplane

import (
	"runtime"
	"time"

	"github.com/lvsmark/lvsmark/nft"
)

// rehearsed returns the ruleset of the site in the kernel's canonical form.
func rehearsed(s *site) (*nft.Ruleset, error) { return nft.Rehearse(nft.Compile(s.spec)) }

// commit commits the ruleset in this process, and returns the time to find the
// difference, encode it and commit it.
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
		runtime.GC() // so that garbage of earlier work is not collected in the measurement
		begin := time.Now()
		_, err = conn.Commit(nft.Compare(&from.Ruleset, to), from.Generation)
		took = time.Since(begin)
		return err
	})
	return took, err
}

// generation returns the generation of the director's ruleset. Each write increments it.
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
