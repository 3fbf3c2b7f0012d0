package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// SpecFile is the name of the spec in the lab's directory.
const SpecFile = "ftp.yaml"

// WriteSpec writes the spec that Lvsmark uses.
func (l *Lab) WriteSpec(text string) error {
	return os.WriteFile(filepath.Join(l.Dir, SpecFile), []byte(text), 0o644)
}

// An Output is a program's standard output and standard error, interleaved, and its
// exit status.
type Output struct {
	Text   string
	Status int
}

// LvsmarkArgs returns the arguments to run lvsmark on the director with the lab's
// spec.
func (l *Lab) LvsmarkArgs(verb ...string) []string {
	return append([]string{"-c", SpecFile, "--netns", l.Director.NetNS}, verb...)
}

// Lvsmark runs a verb of lvsmark on the director with the lab's spec. It returns an
// error only if lvsmark did not run; a failed verb has an exit status.
func (l *Lab) Lvsmark(verb ...string) (Output, error) {
	binary, err := l.Binary()
	if err != nil {
		return Output{}, err
	}
	var text bytes.Buffer
	cmd := l.command(l.ctx, binary, l.LvsmarkArgs(verb...)...)
	cmd.Stdout, cmd.Stderr = &text, &text
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return Output{text.String(), exit.ExitCode()}, nil
	}
	return Output{text.String(), 0}, err
}

// Apply writes the spec and runs `lvsmark apply`.
func (l *Lab) Apply(spec string) error {
	if err := l.WriteSpec(spec); err != nil {
		return err
	}
	return l.succeed("apply")
}

// succeed runs a verb and returns an error unless its exit status is 0.
func (l *Lab) succeed(verb ...string) error {
	output, err := l.Lvsmark(verb...)
	if err == nil && output.Status != 0 {
		err = fmt.Errorf("exit status %d: %s", output.Status, output.Text)
	}
	if err != nil {
		return fmt.Errorf("lvsmark %s: %w", strings.Join(verb, " "), err)
	}
	return nil
}

// Binary returns the path of lvsmark: $LVSMARK_BIN, or a binary that it builds.
func (l *Lab) Binary() (string, error) {
	if path := os.Getenv("LVSMARK_BIN"); path != "" {
		return path, nil
	}
	path := filepath.Join(l.Dir, "lvsmark")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(l.ctx, "go", "build", "-o", path, "github.com/lvsmark/lvsmark/cmd/lvsmark")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = &output, &output
	return path, commandError(cmd, cmd.Run(), &output)
}
