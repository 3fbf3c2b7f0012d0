// Command structure prints what each package of the product is made of: files,
// lines, the length of files and functions, and the arrows between files. An arrow
// goes from a file to one whose declarations it names; it runs back where the files
// cannot be put in an order in which all arrows go one way.
//
// Usage: go -C tools run ./structure [-arrows PACKAGE] DIRECTORY
//
// With -arrows it lists the arrows of one package that run back, with the names
// that make them. It fails where a limit is exceeded.
package main

import (
	"flag"
	"fmt"
	"os"
	"text/tabwriter"
)

func main() {
	arrows := flag.String("arrows", "", "list the arrows of this `package` that run back")
	flag.Parse()
	directory := "."
	if flag.NArg() > 0 {
		directory = flag.Arg(0)
	}
	if err := run(directory, *arrows); err != nil {
		fmt.Fprintln(os.Stderr, "structure:", err)
		os.Exit(1)
	}
}

func run(directory, arrows string) error {
	rooms, err := load(directory)
	if err != nil {
		return err
	}
	if arrows != "" {
		return listArrows(rooms, arrows)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "package\tfiles\tlines\tlongest file\tfunctions\tp95\tarrows\tback\t")
	var over []string
	var functions []int
	for _, r := range rooms {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t\n", r.name, len(r.files), r.lines(), r.longestFile().lines,
			len(r.functions), percentile(r.functions, 95), len(r.arrows), len(r.back()))
		over = append(over, r.exceeded()...)
		functions = append(functions, r.functions...)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("95 of 100 functions have at most %d lines\n", percentile(functions, 95))
	if p := percentile(functions, 95); p > functionLimit {
		over = append(over, fmt.Sprintf("the functions: p95 is %d lines, the limit %d", p, functionLimit))
	}
	for _, line := range over {
		fmt.Println("over the limit:", line)
	}
	if len(over) > 0 {
		return fmt.Errorf("%d limits are exceeded", len(over))
	}
	return nil
}

func listArrows(rooms []*room, name string) error {
	for _, r := range rooms {
		if r.name != name {
			continue
		}
		for i, file := range r.order() {
			fmt.Printf("%2d %s\n", i+1, file)
		}
		for _, a := range r.back() {
			fmt.Printf("%s -> %s: %v\n", a.from, a.to, r.arrows[a])
		}
		return nil
	}
	return fmt.Errorf("no package %s", name)
}
