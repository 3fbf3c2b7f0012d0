package config

import (
	"bytes"
	"fmt"
)

// NotText returns what a file that is not UTF-8 text seems to be, and what to do: a compressed
// file, an archive, a program, or text in UTF-16 or UTF-32. It returns "" for all others. The
// magic numbers are those of file(1).
func NotText(begin []byte) string {
	for _, kind := range []struct {
		magic          string
		at             int
		packed, unpack string
	}{
		{"\x1f\x8b", 0, "gzip", "gunzip"},
		{"\xfd7zXZ\x00", 0, "xz", "unxz"},
		{"\x28\xb5\x2f\xfd", 0, "zstd", "unzstd"},
		{"1AY&SY", 4, "bzip2", "bunzip2"}, // after "BZh" and the level
		{"PK\x03\x04", 0, "zip", "unzip"},
		{"ustar", 257, "tar", "tar -x"},
	} {
		if len(begin) > kind.at && bytes.HasPrefix(begin[kind.at:], []byte(kind.magic)) {
			return fmt.Sprintf("the file seems to be packed with %s; unpack it with %s", kind.packed, kind.unpack)
		}
	}
	switch encoding := wideEncoding(begin); {
	case bytes.HasPrefix(begin, []byte("\x7fELF")):
		return "the file seems to be a program (ELF); name the right file"
	case encoding != "":
		return fmt.Sprintf("the file seems to be %s text; save it as UTF-8: iconv -f %s -t UTF-8", encoding, encoding)
	}
	return ""
}

// wideEncoding returns the encoding of text with two or four bytes for a character, by its byte
// order mark or the zero bytes of its first ASCII character; "" for all others.
func wideEncoding(begin []byte) string {
	if len(begin) < 4 {
		return ""
	}
	zeros := [4]bool{begin[0] == 0, begin[1] == 0, begin[2] == 0, begin[3] == 0}
	switch mark := [2]byte(begin); {
	case mark == [2]byte{0xff, 0xfe} && zeros[2] && zeros[3], zeros == [4]bool{false, true, true, true}:
		return "UTF-32LE"
	case zeros[0] && zeros[1] && !zeros[3]:
		return "UTF-32BE"
	case mark == [2]byte{0xff, 0xfe}, zeros == [4]bool{false, true, false, true}:
		return "UTF-16LE"
	case mark == [2]byte{0xfe, 0xff}, zeros == [4]bool{true, false, true, false}:
		return "UTF-16BE"
	}
	return ""
}
