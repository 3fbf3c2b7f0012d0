package controlplane

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
)

// checkMarks checks with nft that exactly the VIPs of the site have marks, and the
// correct ones.
func (d *director) checkMarks(s *site) error {
	text, err := d.list()
	if err != nil {
		return err
	}
	listed := map[string]uint32{}
	element := regexp.MustCompile(`\b([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+) : (0x[0-9a-f]+)`)
	for _, match := range element.FindAllStringSubmatch(text, -1) {
		mark, err := strconv.ParseUint(match[2], 0, 32)
		if err != nil {
			return err
		}
		listed[match[1]] = uint32(mark)
	}
	if !maps.Equal(listed, s.marks) {
		return fmt.Errorf("nft lists %d VIPs with marks, which are not the %d of the spec", len(listed), len(s.marks))
	}
	return nil
}

// list returns nft's listing of the ruleset.
func (d *director) list() (string, error) { return d.Run("", "nft", "list", "ruleset") }

// checkListing checks that nft lists this text.
func (d *director) checkListing(text string) error {
	now, err := d.list()
	if err == nil && now != text {
		err = fmt.Errorf("nft lists %d bytes that differ from the %d before", len(now), len(text))
	}
	return err
}

// checkRules checks that iptables has as many rules as the recipe of the site.
func (d *director) checkRules(s *site, save string) error {
	text, err := d.Run("", save)
	if err != nil {
		return err
	}
	if n := strings.Count(text, "\n-A "); n != s.rules {
		return fmt.Errorf("%s prints %d rules, not %d", save, n, s.rules)
	}
	return nil
}
