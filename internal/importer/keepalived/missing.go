package keepalived

import "strings"

// needsValue returns the statements of a block for which keepalived ends if they have no value
// (strvec_slot of lib/parser.c), as far as no other function of this package asks for one.
func needsValue(block string) map[string]bool {
	names := ""
	switch block {
	case "virtual_server":
		names = "delay_loop retry delay_before_retry warmup connect_timeout quorum hysteresis quorum_up quorum_down persistence_engine " +
			"notify_up notify_down connect_port connect_ip bindto bind_port bind_if fwmark nb_get_retry misc_timeout path digest"
	case "vrrp_instance":
		names = "state notify_master notify notify_backup notify_fault mcast_src_ip lvs_sync_daemon_interface garp_master_delay preempt_delay"
	case "global_defs":
		names = "smtp_server smtp_connect_timeout vrrp_version vrrp_garp_master_delay"
	}
	set := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// checkValues records the statements of a block, and of blocks in it, that have no value.
func (r *reader) checkValues(n *node, needed map[string]bool) {
	if len(needed) == 0 {
		return
	}
	for _, inner := range n.block {
		if len(inner.words) == 1 && needed[inner.words[0]] && inner.opaque == "" {
			r.config.AddNotUnderstood(inner.Line, "keepalived ends at this line: %s has no value", inner.words[0])
		}
		r.checkValues(inner, needed)
	}
}
