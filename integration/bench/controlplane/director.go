package controlplane

import (
	"os"
	"time"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
	"github.com/lvsmark/lvsmark/integration/equivalence"
)

// A director is the network namespace of one contender.
type director struct{ *equivalence.Namespace }

// clear restores the state after boot, without lvsmark.
func (d *director) clear() error {
	if err := d.run("nft", "flush", "ruleset"); err != nil {
		return err
	}
	// lvsmark sets it for clusters with nat forwarding.
	const ipForward = "/proc/sys/net/ipv4/ip_forward"
	if err := d.Do(func() error { return os.WriteFile(ipForward, []byte("0\n"), 0o644) }); err != nil {
		return err
	}
	d.settle()
	return nil
}

// clearLegacy is clear for the rules of iptables-legacy, which nft does not list.
func (d *director) clearLegacy() error {
	for _, table := range []string{"mangle", "nat"} {
		if err := d.run("iptables-legacy", "-w", "-t", table, "-F"); err != nil {
			return err
		}
	}
	d.settle()
	return nil
}

// settle waits until the kernel has freed deleted objects, which it does after the call
// has returned, on any processor.
func (d *director) settle() { time.Sleep(30 * time.Millisecond) }

func (d *director) run(args ...string) error {
	_, err := d.Run("", args[0], args[1:]...)
	return err
}

// A task is the work of a contender in each round. Only run is measured: before
// prepares the state, after checks the result.
type task struct {
	before func() error
	run    func() (time.Duration, error)
	after  func() error
}

func (t task) named(name string) measure.Contender {
	return measure.Contender{Name: name, Run: func() (float64, error) {
		if t.before != nil {
			if err := t.before(); err != nil {
				return 0, err
			}
		}
		took, err := t.run()
		if err == nil && t.after != nil {
			err = t.after()
		}
		return took.Seconds() * 1e3, err // ms
	}}
}

// times returns a function that runs a command on the director and returns its time.
func (d *director) times(c process.Command) func() (time.Duration, error) {
	return func() (time.Duration, error) { return c.Time(d.Namespace) }
}
