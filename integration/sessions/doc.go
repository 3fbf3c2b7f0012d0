// Package sessions proves that FTP sessions live through re-applies of the spec:
// curl and lftp transfer through a director that lvsmark keeps changing.
package sessions
