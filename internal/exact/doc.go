// Package exact computes what becomes of every packet: it compares two directors, each of
// rules that set marks and of IPVS services, and returns a packet of each kind that they
// treat differently. It also follows one packet, with the rules that act on it.
//
// It evaluates partially. All rules that are left cut the values of one field into
// intervals. For each interval the rules that cannot match are removed, and matches that
// hold are erased; the next field follows. Equal rules that are left are compared once
// (hash consing). When no field is left, the remaining rules run with the mark, the mark of
// the connection and its state.
//
// It opens no socket and has no knowledge of a language: rules and services have the form
// of package oldconfig.
package exact
