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
		said := make(chan string, 9)
		p := &progress{}
		p.start(func(format string, args ...any) { said <- fmt.Sprintf(format, args...) })

		p.step("rehearse")
		p.step("commit")
		time.Sleep(progressDelay - time.Millisecond)
		synctest.Wait()
		assert.Empty(t, said, "a quick run says nothing")

		time.Sleep(time.Millisecond)
		assert.Equal(t, "lvsmark: commit", <-said, "the step that takes long")
		p.step("address")
		assert.Equal(t, "lvsmark: address", <-said)
		assert.Empty(t, said)
	})
}

func TestProgressStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &progress{}
		p.start(func(string, ...any) { t.Error("said something after the end") })
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
