package main

import (
	"context"
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
		case err == nil:
			if path, err = filepath.EvalSymlinks(path); err != nil {
				return err
			}
		}
		return replace(path, content, mode)
	}()
	if err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	return nil
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
		if named, ok := errors.AsType[*fs.PathError](err); ok {
			named.Path = path // the caller does not know the temporary name
		}
		return err
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
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
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
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return plan, nil
	})
}
