// Loss shows that every packet gets its correct mark while lvsmark changes its rules
// and sets. One processor sends packets through a director's rules as fast as it can;
// another one applies specs, for each kind of change. Common ways to reload a ruleset
// run in the same way as controls, and lose packets.
//
// The exit status is 0 if all checks passed, 1 if a check failed, and 2 after an
// error. Loss needs root, nf_tables, nft and two processors; run it with
// `integration/run loss`.
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
	failed := failures(rows, *reapplies)
	for _, failure := range failed {
		fmt.Println("FAILED:", failure)
	}
	if len(failed) > 0 {
		os.Exit(1)
	}
	fmt.Println("all checks passed")
}

// run runs every kind, and prints a line for each when it is done.
func run(ctx context.Context, reapplies int) ([]row, error) {
	program := os.Getenv("LVSMARK_BIN")
	if program == "" {
		return nil, errors.New("LVSMARK_BIN is not set to the path of lvsmark: use `integration/run loss`")
	}
	cpu, err := reserveSenderCPU()
	if err != nil {
		return nil, err
	}
	fmt.Println(heading)
	var rows []row
	for _, k := range append(kinds(program), controls()...) {
		r, err := k.run(ctx, Load{cpu, true}, reapplies)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		fmt.Println(r)
		rows = append(rows, r)
	}
	fmt.Println(total(rows))
	return rows, nil
}

// Minimum load of a meaningful run.
const (
	minRate    = 300_000 // packets a second, of each kind
	minPackets = 20_000_000
)

func failures(rows []row, reapplies int) []string {
	var failed []string
	for _, r := range rows {
		if failure := r.failure(reapplies); failure != "" {
			failed = append(failed, failure)
		}
		if r.rate() < minRate {
			failed = append(failed, fmt.Sprintf("%s: %.0f packets a second, fewer than %d", r.kind, r.rate(), minRate))
		}
	}
	if all := total(rows); all.seen < minPackets {
		failed = append(failed, fmt.Sprintf("%d packets in total, fewer than %d", all.seen, minPackets))
	}
	return failed
}
