// Package sessions tests that re-applies of the spec do not disrupt FTP sessions: curl
// and lftp transfer files through a director while lvsmark changes it.
package sessions
