package lvsmark

import (
	"fmt"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A VerifyError says that apply did all its steps, and that the kernel then held
// something else, or could not be read.
type VerifyError struct {
	Differences int
	Err         error // why the kernel could not be read; nil: it could
}

func (e *VerifyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("applied, but it could not be read back: %v", e.Err)
	}
	return fmt.Sprintf("applied, but somebody else changed lvsmark's tables or services at the same time (%d differences): `lvsmark diff` shows them", e.Differences)
}

// Unwrap gives the cause.
func (e *VerifyError) Unwrap() error { return e.Err }

// check reads back what the kernel holds after apply.
func (e *engine) check(p *plan) error {
	e.progress("read back")
	now, err := e.Snapshot()
	if err != nil {
		return &VerifyError{Err: err}
	}
	differences := len(nft.Compare(&now.Ruleset, p.settled).Changes())
	if len(p.services) > 0 {
		services, err := e.Services(keysOf(p.want)...)
		if err != nil {
			return &VerifyError{Err: err}
		}
		differences += len(ipvs.Diff(ofKeys(services, p.have, p.want), p.want))
	}
	if differences > 0 {
		return &VerifyError{Differences: differences}
	}
	return nil
}
