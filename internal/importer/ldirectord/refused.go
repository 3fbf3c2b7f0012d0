package ldirectord

import (
	"regexp"
	"strings"
)

// Patterns of values, as read_config of ldirectord has them. It compares some values with space at
// their end, also a carriage return or the space ahead of a comment, and takes the first word or
// number of others.
const (
	yesOrNo  = `^(yes|no)$`
	positive = `^\D*(\d*[1-9]\d*|0\d+)`
	quoted   = `^".+"`
	notEmpty = `.`
	services = `^\W*(dns|ftp|https?|http_proxy|imaps?|ldaps?|nntp|mysql|none|oracle|pops?|radius|pgsql|sip|smtp|submission|simpletcp)\b`
	fallback = `^\S+\s*$|\S+\s+(gate|masq|ipip)\s*$`
	checks   = `\d|^[^\w-]*(connect|negotiate|ping|off|on|external|external-perl)([^\w-]|$)`
)

// A valueTable has the patterns of the values of settings.
type valueTable map[string]*regexp.Regexp

func compile(patterns map[string]string) valueTable {
	table := make(valueTable)
	for key, pattern := range patterns {
		table[key] = regexp.MustCompile(pattern)
	}
	return table
}

// globalValues returns the patterns of settings outside of virtual services.
func globalValues() valueTable {
	return compile(map[string]string{
		"quiescent": yesOrNo, "autoreload": yesOrNo, "fork": yesOrNo, "readdquiescent": yesOrNo, "cleanstop": yesOrNo,
		"supervised":   yesOrNo + `|^\s*$`,
		"checktimeout": positive, "negotiatetimeout": positive, "checkinterval": positive, "checkcount": positive, "failurecount": positive,
		"callback": `^".*"`, "logfile": `^".*"`, "fallback": fallback, "fallback6": fallback,
		"fallbackcommand": notEmpty, "emailalertfrom": notEmpty, "maintenancedir": notEmpty,
		"emailalertfreq": `^\d`, "smtp": `^[0-9A-Za-z._+-]`,
	})
}

// virtualValues returns the patterns of settings of a virtual service.
func virtualValues() valueTable {
	return compile(map[string]string{
		"quiescent": yesOrNo, "cleanstop": yesOrNo, "ops": yesOrNo,
		"checktimeout": positive, "negotiatetimeout": positive, "checkinterval": positive, "checkcount": positive, "failurecount": positive,
		"checkport": positive,
		"request":   quoted, "receive": quoted, "login": quoted, "passwd": quoted, "database": quoted, "secret": quoted,
		"load": `^"[^"]*\w.*"`, "checkcommand": notEmpty, "fallbackcommand": notEmpty,
		"checktype": checks, "service": services, "httpmethod": `(?i)^\W*(get|head)\b`,
		"scheduler": `[a-z]+`, "persistent": `\d+`, "schedflags": `\S+`, netmask4: `^\d+\.\d+\.\d+\.\d+$`,
		netmask6:         `^(0*[1-9]|0*[1-9]\d|0*1[01]\d|0*12[0-8])$`,
		"emailalertfreq": `^\d`, "smtp": `^[0-9A-Za-z._+-]`,
	})
}

// Names of the setting netmask in the table of values.
const (
	netmask4 = "netmask"
	netmask6 = "netmask of IPv6"
)

// check records a value that ldirectord refuses: it does not start then. It returns the part of
// the value that ldirectord takes, if the table has a pattern.
func (r *reader) check(table valueTable, key, raw string, s setting) string {
	pattern := table[key]
	if pattern == nil {
		return s.value
	}
	raw = strings.TrimLeft(raw, " ")
	if !pattern.MatchString(raw) {
		r.remarks.AddNotUnderstood(s.Line, "ldirectord does not start with this line: %q is not a value of %s", raw, key)
	}
	return pattern.FindString(raw)
}
