package lab

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// Table prints the results of sessions, one line each, at most 100 columns wide.
func Table(results []Result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "client\tfamily\tmode\tTLS\tcontrol\tdata\tsource of active data\tbytes\tSHA-256")
	for _, r := range results {
		outcome := "ok"
		if r.Err != nil || !r.Complete() {
			outcome = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", r.Client, r.Family, r.Mode, tlsOf(r.Security),
			orDash(r.Control), orDash(join(r.Data)), orDash(join(r.Source)), r.Bytes, outcome)
	}
	w.Flush()
	for _, r := range results {
		if r.Err != nil {
			fmt.Fprintf(&b, "%s: %v\n", r.Session, r.Err)
		}
	}
	return b.String()
}

func tlsOf(s Security) string {
	if s == Plain {
		return "-"
	}
	return string(s)
}

// join joins the distinct items.
func join[T comparable](items []T) string {
	var distinct []string
	for _, item := range items {
		if s := fmt.Sprint(item); !slices.Contains(distinct, s) {
			distinct = append(distinct, s)
		}
	}
	return strings.Join(distinct, ", ")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
