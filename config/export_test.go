package config

import "bytes"

// DecodeMistakes returns the mistakes of single values: those that are found before the
// checks of several keys.
func DecodeMistakes(text []byte) error {
	report := &report{file: "spec"}
	if root := readDocument(bytes.Clone(text), report); root != nil {
		(&decoder{report: report, mappingsWith: mappingsWith}).file(root)
	}
	return report.err()
}
