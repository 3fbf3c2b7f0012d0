package main

import (
	"errors"
	"fmt"
	"sync"
)

// A score counts the results of a package.
type score struct {
	name     string
	accepted accepted
	verbose  bool

	mutex               sync.Mutex
	own, others         int // killed by the package's own tests, and only by those of others
	survived, explained int
	refused             int // by go vet
	err                 error
}

// count counts a result, and prints a survivor.
func (s *score) count(r result) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case r.err != nil:
		s.err = errors.Join(s.err, fmt.Errorf("%s: %w", r.mutant, r.err))
	case r.killedBy != "":
		s.killed(r)
	case r.refused:
		s.refused++
	case s.accepted[r.mutant.change()] != "":
		s.explained++
	default:
		s.survived++
		fmt.Println(r)
	}
}

func (s *score) killed(r result) {
	if r.own {
		s.own++
	} else {
		s.others++
	}
	if s.verbose || !r.own {
		fmt.Println(r)
	}
}

func (s *score) String() string {
	return fmt.Sprintf("%s: %d mutants: %d killed by its own tests, %d by tests of other packages; %d survived, %d explained; go vet refuses %d more",
		s.name, s.own+s.others+s.survived+s.explained, s.own, s.others, s.survived, s.explained, s.refused)
}
