package iptables

import (
	"slices"
	"strings"
)

// knownOption reads an option of a module that is loaded, or of iptables itself. It returns false
// if there is none. As getopt_long(3), it takes an abbreviation if it is one of a single option.
func (p *parser) knownOption(name string) bool {
	if full, count, found := findOption(generalOptions, name, false); found {
		p.general(full, count)
		return true
	}
	for _, m := range slices.Backward(p.modules) {
		options, _ := optionsOf(m.name)
		if full, count, found := findOption(options, name, false); found {
			p.moduleOption(m, full, count)
			return true
		}
	}
	return p.abbreviation(name)
}

// abbreviation reads the beginning of an option's name. With a module whose options are not known,
// it may be an option of that.
func (p *parser) abbreviation(name string) bool {
	count := countOptions(generalOptions+" "+otherOptions, name)
	var of *module
	for _, m := range p.modules {
		options, known := optionsOf(m.name)
		if _, simple := simpleTarget(m.name); !known && !(m == p.target && simple) {
			return false
		}
		if own := countOptions(options, name); own > 0 {
			count, of = count+own, m
		}
	}
	if count != 1 {
		return false
	}
	if of == nil {
		full, values, found := findOption(generalOptions, name, true)
		if found {
			p.general(full, values)
		}
		return found
	}
	options, _ := optionsOf(of.name)
	full, values, _ := findOption(options, name, true)
	p.moduleOption(of, full, values)
	return true
}

// otherOptions are the options of iptables itself that are no part of a rule.
const otherOptions = "append delete check insert replace list list-rules flush zero new-chain delete-chain " +
	"rename-chain policy table numeric verbose wait wait-interval exact version help line-numbers modprobe"

// countOptions returns how many options begin with the text.
func countOptions(options, beginning string) (count int) {
	for option := range strings.FieldsSeq(options) {
		if strings.HasPrefix(option, beginning) {
			count++
		}
	}
	return count
}
