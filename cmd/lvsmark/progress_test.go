package main

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		printed := make(chan string, 9)
		p := &progress{}
		p.start(func(format string, args ...any) { printed <- fmt.Sprintf(format, args...) })

		p.step("validate the ruleset")
		p.step("commit")
		time.Sleep(progressDelay - time.Millisecond)
		synctest.Wait()
		assert.Empty(t, printed, "a quick run prints nothing")

		time.Sleep(time.Millisecond)
		assert.Equal(t, "lvsmark: commit", <-printed, "the step that takes long")
		p.step("address")
		assert.Equal(t, "lvsmark: address", <-printed)
		assert.Empty(t, printed)
	})
}

func TestProgressStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &progress{}
		p.start(func(string, ...any) { t.Error("printed a step after the end") })
		p.step("commit")
		p.stop()
		time.Sleep(2 * progressDelay)
		synctest.Wait()
	})
}

func TestProgressWithoutTerminal(t *testing.T) {
	p := newProgress(streams{})
	p.step("commit")
	p.stop()
	assert.Nil(t, p.timer)
}
