package measure

import "fmt"

// A Contender is something to measure. Run does it once and returns the measured value.
// Run also does its own preparation and cleanup.
type Contender struct {
	Name string
	Run  func() (float64, error)
}

// Interleave runs every contender once in each round. The order rotates from round to
// round, so that each contender runs after different ones. It runs one more round than
// rounds: the first is not counted.
func Interleave(rounds int, contenders ...Contender) (Samples, error) {
	samples := Samples{}
	for round := range rounds + 1 {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)]
			value, err := c.Run()
			if err != nil {
				return nil, fmt.Errorf("%s, round %d: %w", c.Name, round, err)
			}
			if round > 0 {
				samples[c.Name] = append(samples[c.Name], value)
			}
		}
	}
	return samples, nil
}
