package oldconfig_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func TestRemarks(t *testing.T) {
	var c oldconfig.Config
	for i := range oldconfig.MaxRemarks + 5 {
		c.AddNotUnderstood(oldconfig.Line{File: "noise", Number: i + 1}, "word %d", i)
	}
	c.AddFinding(oldconfig.Line{File: "noise", Number: 3}, "a finding")

	require.Len(t, c.NotUnderstood, oldconfig.MaxRemarks)
	assert.Equal(t, "word 0", c.NotUnderstood[0].Message)
	last := c.NotUnderstood[oldconfig.MaxRemarks-1]
	assert.Equal(t, "there are more remarks: only the first 10000 are kept", last.Message)
	assert.Equal(t, oldconfig.MaxRemarks, last.Number)
	assert.Equal(t, []oldconfig.Remark{{Line: oldconfig.Line{File: "noise", Number: 3}, Message: "a finding"}}, c.Findings)
}
