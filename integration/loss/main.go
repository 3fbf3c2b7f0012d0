// Loss shows that no packet goes unmarked, or with a wrong mark, while lvsmark
// changes what it marks with. One processor sends packets through a director's
// rules as fast as it can, another applies specs, kind of change by kind of
// change. Usual ways of a reload go through the same, and lose some.
//
// Its exit status is 0 when all was as it should be, 1 when something was not,
// and 2 when it could not go on. It needs root, nf_tables, nft and two
// processors; run it by `integration/run loss`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

func main() {
	if isSender(os.Args) {
		os.Exit(sender(os.Stdin, os.Stdout))
	}
	reapplies := flag.Int("n", 300, "`re-applies` of each kind")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	rows, err := run(ctx, *reapplies)
	if err != nil {
		fmt.Fprintln(os.Stderr, "loss:", err)
		os.Exit(2)
	}
	faults := faultsOf(rows, *reapplies)
	for _, fault := range faults {
		fmt.Println("WRONG:", fault)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
	fmt.Println("all was as it should be")
}

// run plays every kind, and prints a line for each as it comes.
func run(ctx context.Context, reapplies int) ([]row, error) {
	program := os.Getenv("LVSMARK_BIN")
	if program == "" {
		return nil, errors.New("LVSMARK_BIN does not say where lvsmark is: `integration/run loss` does")
	}
	cpu, err := apartFromSender()
	if err != nil {
		return nil, err
	}
	fmt.Println(heading)
	var rows []row
	for _, k := range append(kinds(program), controls()...) {
		r, err := k.play(ctx, Load{cpu, true}, reapplies)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		fmt.Println(r)
		rows = append(rows, r)
	}
	fmt.Println(total(rows))
	return rows, nil
}

// What a run has to reach at least, to show anything.
const (
	leastRate    = 300_000 // packets a second, of each kind
	leastPackets = 20_000_000
)

func faultsOf(rows []row, reapplies int) []string {
	var faults []string
	for _, r := range rows {
		if fault := r.fault(reapplies); fault != "" {
			faults = append(faults, fault)
		}
		if r.rate() < leastRate {
			faults = append(faults, fmt.Sprintf("%s: %.0f packets a second, fewer than %d", r.kind, r.rate(), leastRate))
		}
	}
	if all := total(rows); all.seen < leastPackets {
		faults = append(faults, fmt.Sprintf("%d packets in all, fewer than %d", all.seen, leastPackets))
	}
	return faults
}
