package lab

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Every real server has files DataFile and PieceFile with its own random content,
// and accepts uploads in the directory UploadDir.
const (
	DataFile  = "data.bin"
	DataSize  = 8 << 20 // default size of DataFile, see ResizeFile
	PieceFile = "piece.bin"
	PieceSize = 32 << 10
	UploadDir = "upload"
)

// A sum is the SHA-256 of a file; it shows whether a transfer was correct.
type sum [sha256.Size]byte

// makeFiles writes the files that clients upload and those of the servers.
// Anonymous users may write only below UploadDir: vsftpd refuses a root directory
// that they can write to.
func (l *Lab) makeFiles() error {
	if err := l.writeFiles(func(file string) string { return l.upload(file) }); err != nil {
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
		if err := os.Chmod(upload, 0o777); err != nil { // regardless of the umask
			return err
		}
		if err := l.writeFiles(func(file string) string { return filepath.Join(s.Dir, file) }); err != nil {
			return err
		}
	}
	return nil
}

// ResizeFile changes the size of DataFile and of its uploads, in bytes.
func (l *Lab) ResizeFile(size int) error {
	l.fileSize = size
	return l.makeFiles()
}

// upload returns the path of the file that clients upload instead of a file of the
// servers.
func (l *Lab) upload(file string) string { return filepath.Join(l.Dir, "upload-"+file) }

// emptyDir returns vsftpd's secure_chroot_dir.
func (s *RealServer) emptyDir() string { return filepath.Join(s.lab.Dir, s.Name+"-empty") }

// writeFiles writes DataFile and PieceFile at the paths that path returns.
func (l *Lab) writeFiles(path func(file string) string) error {
	for file, size := range map[string]int{DataFile: l.fileSize, PieceFile: PieceSize} {
		if err := l.writeRandom(path(file), size); err != nil {
			return err
		}
	}
	return nil
}

// writeRandom writes bytes derived from the path, and records their sum.
func (l *Lab) writeRandom(path string, size int) error {
	content := make([]byte, size)
	rand.NewChaCha8(sha256.Sum256([]byte(path))).Read(content)
	l.sums[path] = sha256.Sum256(content)
	return os.WriteFile(path, content, 0o644)
}

// A round is an upload and the download after it.
type round struct {
	file     string // DataFile or PieceFile
	upload   string // path on the client
	stored   string // path on the server
	download string // path on the client
}

// roundsOf returns the rounds of a session. File names contain the client's address,
// which is unique to the session.
func (l *Lab) roundsOf(r *Result) []round {
	name := strings.ReplaceAll(r.From.String(), ":", ".")
	file, number := DataFile, 1
	if r.Pieces > 0 {
		file, number = PieceFile, r.Pieces
	}
	rounds := make([]round, number)
	for i := range rounds {
		local := fmt.Sprintf("%s-%d.bin", name, i+1)
		rounds[i] = round{file, l.upload(file), UploadDir + "/" + local, filepath.Join(l.Dir, local)}
	}
	return rounds
}

// sizeOf returns the number of bytes that a session transfers in both directions.
func (l *Lab) sizeOf(s Session) int64 {
	if s.Pieces > 0 {
		return 2 * PieceSize * int64(s.Pieces)
	}
	return 2 * int64(l.fileSize)
}

// collect checks the session's files at both ends and removes them. It records the
// real server that has all uploads, and the source of all downloads.
func (l *Lab) collect(r *Result, rounds []round) error {
	stored, loaded := map[string]int{}, map[string]int{}
	for _, round := range rounds {
		size, got, err := readAndRemove(round.download)
		if err != nil {
			return err
		}
		for _, s := range l.Servers {
			if size > 0 && got == l.sums[filepath.Join(s.Dir, round.file)] {
				loaded[s.Name]++
				r.Bytes += size
			}
			size, got, err := readAndRemove(filepath.Join(s.Dir, round.stored))
			if err != nil {
				return err
			}
			if size > 0 && got == l.sums[round.upload] {
				stored[s.Name]++
				r.Bytes += size
			}
		}
	}
	for _, s := range l.Servers {
		if stored[s.Name] == len(rounds) {
			r.stored = s.Name
		}
		if loaded[s.Name] == len(rounds) {
			r.loaded = s.Name
		}
	}
	return nil
}

// readAndRemove reads a file and removes it; the size is 0 if there is none.
func readAndRemove(path string) (size int64, s sum, err error) {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return 0, s, nil
	}
	if err != nil {
		return 0, s, err
	}
	defer file.Close()
	hash := sha256.New()
	if size, err = io.Copy(hash, file); err != nil {
		return 0, s, err
	}
	if err := os.Remove(path); err != nil {
		return 0, s, fmt.Errorf("after a session: %w", err)
	}
	return size, sum(hash.Sum(nil)), nil
}
