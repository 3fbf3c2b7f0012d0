// Package moving executes the page docs/moving.md in a lab: the old configuration, the
// way to lvsmark, and the way back.
package moving
