package lab

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Running are sessions that run in the background.
type Running struct {
	lab     *Lab
	results []Result
	done    []chan struct{} // closed when the session has ended
	first   *Result         // the session that ended first; set before ended is closed
	ended   chan struct{}   // closed when the first session has ended
	all     sync.WaitGroup
}

// Start starts sessions, all at the same time.
func (l *Lab) Start(sessions []Session) (*Running, error) {
	results, err := l.results(sessions)
	if err != nil {
		return nil, err
	}
	r := &Running{lab: l, results: results, done: make([]chan struct{}, len(results)), ended: make(chan struct{})}
	var first sync.Once
	for i := range results {
		r.done[i] = make(chan struct{})
		r.all.Go(func() {
			l.transfer(&results[i], nil)
			close(r.done[i])
			first.Do(func() {
				r.first = &results[i]
				close(r.ended)
			})
		})
	}
	return r, nil
}

// Clients returns the addresses of the clients, in the order of the sessions.
func (r *Running) Clients() []netip.Addr {
	var clients []netip.Addr
	for _, result := range r.results {
		clients = append(clients, result.From)
	}
	return clients
}

// Ended reports whether a session has ended, successfully or not.
func (r *Running) Ended() bool { return isClosed(r.ended) }

// HasEnded reports whether the session of that index has ended, successfully or not.
func (r *Running) HasEnded(i int) bool { return isClosed(r.done[i]) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// AwaitData waits until every session uploads, and returns the real servers that
// receive the uploads. It fails if a session ends before.
func (r *Running) AwaitData() ([]string, error) {
	servers := make([]string, len(r.results))
	for i := range r.results {
		first := r.lab.roundsOf(&Result{Session: r.results[i].Session, From: r.results[i].From})[0]
		for servers[i] == "" {
			if r.Ended() {
				return nil, fmt.Errorf("%s ended before every session had a data connection: %v\n%s", r.first.Session, r.first.Err, r.first.Log)
			}
			time.Sleep(10 * time.Millisecond)
			servers[i] = r.lab.serverWith(first.stored)
		}
	}
	return servers, nil
}

// Uploaded returns the bytes of the longest first upload so far, of all sessions.
func (r *Running) Uploaded() (longest int64) {
	for i := range r.results {
		first := r.lab.roundsOf(&Result{Session: r.results[i].Session, From: r.results[i].From})[0]
		for _, s := range r.lab.Servers {
			if info, err := os.Stat(filepath.Join(s.Dir, first.stored)); err == nil {
				longest = max(longest, info.Size())
			}
		}
	}
	return longest
}

// serverWith returns the name of the real server that has a part of a file.
func (l *Lab) serverWith(file string) string {
	for _, s := range l.Servers {
		if info, err := os.Stat(filepath.Join(s.Dir, file)); err == nil && info.Size() > 0 {
			return s.Name
		}
	}
	return ""
}

// Wait waits until all sessions have ended, and returns their results.
func (r *Running) Wait() ([]Result, error) {
	r.all.Wait()
	return r.results, r.lab.locate(r.results)
}
