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

// Every real server holds random bytes of its own in the files DataFile and
// PieceFile, and takes uploads in the directory UploadDir.
const (
	DataFile  = "data.bin"
	DataSize  = 8 << 20 // of DataFile, unless ResizeFile was called
	PieceFile = "piece.bin"
	PieceSize = 32 << 10
	UploadDir = "upload"
)

// A sum is what tells whether a file arrived as it was sent.
type sum [sha256.Size]byte

// makeFiles writes the files that clients upload and those of the servers.
// Anonymous users may write below UploadDir only: vsftpd refuses a root that
// they can write to.
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
		if err := os.Chmod(upload, 0o777); err != nil { // whatever the umask
			return err
		}
		if err := l.writeFiles(func(file string) string { return filepath.Join(s.Dir, file) }); err != nil {
			return err
		}
	}
	return nil
}

// ResizeFile makes DataFile, and what clients upload, of another size in bytes.
func (l *Lab) ResizeFile(size int) error {
	l.fileSize = size
	return l.makeFiles()
}

// upload is the path of what clients upload in place of a file of the servers.
func (l *Lab) upload(file string) string { return filepath.Join(l.Dir, "upload-"+file) }

// emptyDir is where vsftpd locks itself in.
func (s *RealServer) emptyDir() string { return filepath.Join(s.lab.Dir, s.Name+"-empty") }

// writeFiles writes DataFile and PieceFile, each at the path for it.
func (l *Lab) writeFiles(path func(file string) string) error {
	for file, size := range map[string]int{DataFile: l.fileSize, PieceFile: PieceSize} {
		if err := l.writeRandom(path(file), size); err != nil {
			return err
		}
	}
	return nil
}

// writeRandom writes bytes that depend on the path, and records their sum.
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

// roundsOf names the files of a session. No other session has its address.
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

// sizeOf is how many bytes a session transfers in both directions.
func (l *Lab) sizeOf(s Session) int64 {
	if s.Pieces > 0 {
		return 2 * PieceSize * int64(s.Pieces)
	}
	return 2 * int64(l.fileSize)
}

// collect looks for the session's files at both ends, and removes them. It
// names the real server that has all uploads, and the one that all downloads
// are from.
func (l *Lab) collect(r *Result, rounds []round) error {
	stored, loaded := map[string]int{}, map[string]int{}
	for _, round := range rounds {
		size, got, err := take(round.download)
		if err != nil {
			return err
		}
		for _, s := range l.Servers {
			if size > 0 && got == l.sums[filepath.Join(s.Dir, round.file)] {
				loaded[s.Name]++
				r.Bytes += size
			}
			size, got, err := take(filepath.Join(s.Dir, round.stored))
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

// take reads a file and removes it; its size is 0 when there is none.
func take(path string) (size int64, s sum, err error) {
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
