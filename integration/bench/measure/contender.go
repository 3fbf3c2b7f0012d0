package measure

import "fmt"

// A Contender is one thing that is measured. Run does it once and returns the
// measure; what it needs before and leaves behind is its own to see to.
type Contender struct {
	Name string
	Run  func() (float64, error)
}

// Interleave lets every contender run once in each round, in an order that turns
// from round to round, so that none always comes behind the same other. There is
// one round more than asked for: the first is not counted.
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
