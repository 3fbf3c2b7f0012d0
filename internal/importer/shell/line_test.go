package shell

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLineIndex(t *testing.T) {
	x := lineIndex{text: "a\n b \n\nd"}
	for _, number := range []int{3, 1, 4, 2, 5, 4} {
		assert.Equal(t, map[int]string{1: "a", 2: "b", 4: "d"}[number], x.line(number), number)
	}
	assert.Empty(t, (&lineIndex{}).line(1))
}
