package lvsmark

import (
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A kernel is what the engine speaks to, in one network namespace. All of it is
// used on the thread that opened it.
type kernel struct {
	nft      *nft.Conn
	ipvs     *ipvs.Conn // nil: not opened, or the kernel has none
	adopt    bool
	progress func(string)
}

func openKernel(opts Options) (*kernel, error) {
	k := &kernel{adopt: opts.Adopt, progress: opts.Progress}
	if k.progress == nil {
		k.progress = func(string) {}
	}
	var err error
	k.nft, err = nft.Dial()
	return k, err
}

// openIPVS is only for who needs it: asking for IPVS loads its module.
func (k *kernel) openIPVS() (err error) {
	if k.ipvs == nil {
		k.ipvs, err = ipvs.Open()
	}
	return err
}

func (k *kernel) close() {
	_ = k.nft.Close()
	if k.ipvs != nil {
		_ = k.ipvs.Close()
	}
}
