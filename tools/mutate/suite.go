package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A suite is the tests of one package, with what they execute of the mutated package.
type suite struct {
	lab     *lab
	tested  string // import path of the tested package
	mutated string // import path of the mutated package
	empty   bool   // the tested package has no tests
	once    sync.Once
	tests   []testRun
	blocks  map[string][]block
	err     error
}

// directory returns the directory of the tests.
func (s *suite) directory() string {
	return filepath.Join(s.lab.root, strings.TrimPrefix(strings.TrimPrefix(s.tested, s.lab.module), "/"))
}

// measure runs each test by itself, with coverage of the mutated package.
func (s *suite) measure() error {
	s.once.Do(func() { s.err = s.measureAll() })
	return s.err
}

func (s *suite) measureAll() error {
	if s.empty {
		return nil
	}
	work, err := os.MkdirTemp(s.lab.work, "suite-")
	if err != nil {
		return err
	}
	plain, measured := filepath.Join(work, "test"), filepath.Join(work, "cover.test")
	if err := s.lab.goCommand("test", "-c", "-o", plain, s.tested); err != nil {
		return err
	}
	if err := s.lab.goCommand("test", "-c", "-cover", "-coverpkg="+s.mutated, "-o", measured, s.tested); err != nil {
		return err
	}
	list, err := runTests(plain, s.directory(), time.Minute, "-test.list", "^(Test|Fuzz|Example)")
	if err != nil {
		return fmt.Errorf("%s: list of tests: %w\n%s", s.tested, err, list)
	}
	for name := range strings.FieldsSeq(string(list)) {
		t, err := s.measureTest(name, plain, measured, filepath.Join(work, "profile"))
		if err != nil {
			return err
		}
		s.tests = append(s.tests, t)
	}
	return nil
}

// measureTest runs one test. A test that fails with coverage, as one of the command line
// does whose program prints a warning then, counts as reaching everything.
func (s *suite) measureTest(name, plain, measured, profile string) (testRun, error) {
	t := testRun{name: name}
	begin := time.Now()
	_, err := runTests(measured, s.directory(), 10*time.Minute, "-test.run", "^"+name+"$", "-test.coverprofile", profile)
	t.took = time.Since(begin)
	if err != nil {
		t.everything = true
		if out, err := runTests(plain, s.directory(), 10*time.Minute, "-test.run", "^"+name+"$"); err != nil {
			return t, fmt.Errorf("%s: %s fails without a mutant: %w\n%s", s.tested, name, err, out)
		}
		t.took = time.Since(begin)
		return t, nil
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		return t, err
	}
	t.covered, s.blocks, err = parseProfile(string(text))
	return t, err
}

// kills reports whether a test that reaches the mutant fails, and which tests reach it.
func (s *suite) kills(m *mutant, overlay, work string) (killed string, reached int, err error) {
	if err := s.measure(); err != nil {
		return "", 0, err
	}
	tests := reaching(s.tests, s.blocks, m)
	if len(tests) == 0 {
		return "", 0, nil
	}
	binary := filepath.Join(work, "test")
	if err := s.lab.goCommand("test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, s.tested); err != nil {
		return "the compiler, which refuses its tests", len(tests), nil
	}
	// First the fast ones: most mutants are killed by many tests.
	for _, part := range [][]testRun{tests[:(len(tests)+1)/2], tests[(len(tests)+1)/2:]} {
		if killed, err := s.fails(binary, part); killed != "" || err != nil {
			return killed, len(tests), err
		}
	}
	return "", len(tests), nil
}

// fails runs tests, and returns the name of the first that fails.
func (s *suite) fails(binary string, tests []testRun) (string, error) {
	if len(tests) == 0 {
		return "", nil
	}
	timeout := time.Minute
	for _, t := range tests {
		timeout += 10 * t.took
	}
	out, err := runTests(binary, s.directory(), timeout, "-test.failfast", "-test.run", namePattern(tests))
	if err == nil {
		return "", nil
	}
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			return strings.Fields(name)[0], nil
		}
	}
	if err == errTimeout {
		return "timeout", nil
	}
	return "crash", nil
}
