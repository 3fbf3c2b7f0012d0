package draft

import "github.com/lvsmark/lvsmark/internal/oldconfig"

// narrow leaves what is in both lists; nil has everything. It reports whether something is left.
func narrow(list *[]oldconfig.Range, in []oldconfig.Range) bool {
	if *list == nil {
		*list = in
		return in != nil
	}
	var both []oldconfig.Range
	for _, a := range *list {
		for _, b := range in {
			if r, ok := a.Intersect(b); ok {
				both = append(both, r)
			}
		}
	}
	*list = both
	return both != nil
}
