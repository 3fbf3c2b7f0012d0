package main

import (
	"log/syslog"
	"time"
)

// logSystemTimeout limits the time of a write: a system log that is stopped blocks it.
const logSystemTimeout = time.Second

// logSystem writes a warning to the system log, if there is one.
func logSystem(text string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		log, err := syslog.New(syslog.LOG_DAEMON|syslog.LOG_WARNING, "lvsmark")
		if err != nil {
			return
		}
		_ = log.Warning(text)
		_ = log.Close()
	}()
	select {
	case <-done:
	case <-time.After(logSystemTimeout):
	}
}
