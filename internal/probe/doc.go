// Package probe makes FTP sessions (RFC 959, 2428, 4217) to VIPs and real servers, and checks
// what only holds if the cluster works: the address and port of passive data, the source of
// active data, and the TLS session of the data connection.
//
// It knows no kernel and needs no privileges. A server is not trusted: replies are bounded,
// the whole session has one timeout, and no connection goes to an address that is not in the
// spec.
package probe
