package lvsmark

import (
	"errors"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A kernel is what the engine speaks to, in one network namespace. All of it is
// used on the thread that opened it.
type kernel struct {
	nft      *nft.Conn
	ipvs     *ipvs.Conn // nil: the kernel has no IPVS
	noIPVS   error      // why
	adopt    bool
	progress func(string)
}

func openKernel(opts Options) (*kernel, error) {
	k := &kernel{adopt: opts.Adopt, progress: opts.Progress}
	if k.progress == nil {
		k.progress = func(string) {}
	}
	var err error
	if k.nft, err = nft.Dial(); err != nil {
		return nil, err
	}
	if k.ipvs, err = ipvs.Open(); errors.Is(err, ipvs.ErrNoIPVS) {
		// It is missed only where something is to be bound.
		k.ipvs, k.noIPVS = nil, err
	} else if err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

func (k *kernel) close() {
	_ = k.nft.Close()
	if k.ipvs != nil {
		_ = k.ipvs.Close()
	}
}
