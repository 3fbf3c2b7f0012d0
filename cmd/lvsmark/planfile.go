package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lvsmark/lvsmark"
)

// writePlan writes the plan to a file, completely or not at all.
func writePlan(ctx context.Context, path string, plan *lvsmark.SavedPlan) error {
	return writeFile(ctx, path, "the plan", plan, 0o600)
}

// writeFile writes a file, completely or not at all; what names the content in errors.
func writeFile(ctx context.Context, path, what string, content io.WriterTo, mode fs.FileMode) error {
	err := func() error {
		info, err := os.Stat(path)
		switch {
		case err == nil && !info.Mode().IsRegular():
			return writeThrough(ctx, path, content) // a pipe or a device must not be replaced by a file
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return err
		}
		return replace(linkTarget(path), content, mode)
	}()
	if err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	return nil
}

// linkTarget returns the file to which symbolic links at the path lead, also if it does not
// exist yet, as open(2) creates it. A loop of links is an error of os.Stat before.
func linkTarget(path string) string {
	for {
		target, err := os.Readlink(path)
		if err != nil {
			return path
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
}

func writeThrough(ctx context.Context, path string, content io.WriterTo) error {
	_, err := interruptible(ctx, path, func() (int64, error) {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return 0, err
		}
		n, err := content.WriteTo(file)
		return n, errors.Join(err, file.Close())
	})
	return err
}

// replace writes a temporary file in the same directory and renames it to path.
func replace(path string, content io.WriterTo, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".lvsmark-plan-*")
	if err != nil {
		return ofPath(err, path)
	}
	if _, err = content.WriteTo(file); err == nil {
		err = file.Chmod(mode)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(ofPath(err, path), os.Remove(file.Name()))
	}
	return nil
}

// ofPath replaces the name of the temporary file in an error, which the caller does not know.
func ofPath(err error, path string) error {
	if rename, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: "replace", Path: path, Err: rename.Err}
	}
	if named, ok := errors.AsType[*fs.PathError](err); ok {
		named.Path = path
	}
	return err
}

// readPlan reads a plan file; - is standard input.
func readPlan(ctx context.Context, s streams, path string) (*lvsmark.SavedPlan, error) {
	name := inputName(path)
	return interruptible(ctx, "reading "+name, func() (*lvsmark.SavedPlan, error) {
		in, err := s.open(path)
		if err != nil {
			return nil, fmt.Errorf("%w; name a file that `lvsmark plan -O FILE` wrote", err)
		}
		defer in.Close()
		plan, err := lvsmark.ReadPlan(in)
		if _, noJSON := errors.AsType[*json.SyntaxError](err); noJSON {
			return nil, fmt.Errorf("%s: %w; a spec is named with -c", name, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return plan, nil
	})
}
