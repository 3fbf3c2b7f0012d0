package lab

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Every real server holds DataSize random bytes of its own in the file
// DataFile, and takes uploads in the directory UploadDir.
const (
	DataFile  = "data.bin"
	DataSize  = 8 << 20
	UploadDir = "upload"
)

// A sum is what tells whether a file arrived as it was sent.
type sum [sha256.Size]byte

// makeFiles writes the file that clients upload and those of the servers.
// Anonymous users may write below UploadDir only: vsftpd refuses a root that
// they can write to.
func (l *Lab) makeFiles() (err error) {
	l.upload = filepath.Join(l.Dir, "upload.bin")
	if l.uploadSum, err = writeRandom(l.upload); err != nil {
		return err
	}
	for _, s := range l.Servers {
		s.Dir = filepath.Join(l.Dir, s.Name)
		upload := filepath.Join(s.Dir, UploadDir)
		for _, dir := range []string{s.emptyDir(), upload} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
		}
		if err := os.Chmod(upload, 0o777); err != nil { // whatever the umask
			return err
		}
		if s.dataSum, err = writeRandom(filepath.Join(s.Dir, DataFile)); err != nil {
			return err
		}
	}
	return nil
}

// emptyDir is where vsftpd locks itself in.
func (s *RealServer) emptyDir() string { return filepath.Join(s.lab.Dir, s.Name+"-empty") }

// writeRandom writes DataSize bytes that depend on the path, and returns their
// sum.
func writeRandom(path string) (sum, error) {
	content := make([]byte, DataSize)
	rand.NewChaCha8(sha256.Sum256([]byte(path))).Read(content)
	return sha256.Sum256(content), os.WriteFile(path, content, 0o644)
}

// digest reads a file; its size is 0 when there is none.
func digest(path string) (size int64, s sum, err error) {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return 0, s, nil
	}
	if err != nil {
		return 0, s, err
	}
	defer file.Close()
	hash := sha256.New()
	size, err = io.Copy(hash, file)
	return size, sum(hash.Sum(nil)), err
}

// collect looks for the session's files at both ends, and removes them.
func (l *Lab) collect(r *Result, stored, download string) error {
	size, got, err := digest(download)
	if err != nil {
		return err
	}
	for _, s := range l.Servers {
		if size > 0 && got == s.dataSum {
			r.loaded = s.Name
			r.Bytes += size
		}
		if err := s.collectUpload(r, filepath.Join(s.Dir, stored)); err != nil {
			return err
		}
	}
	return removeIfThere(download)
}

func (s *RealServer) collectUpload(r *Result, path string) error {
	size, got, err := digest(path)
	if err != nil {
		return err
	}
	if size > 0 && got == s.lab.uploadSum {
		r.stored = s.Name
		r.Bytes += size
	}
	return removeIfThere(path)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("after a session: %w", err)
	}
	return nil
}
