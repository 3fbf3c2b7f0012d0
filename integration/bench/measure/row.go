package measure

// A Row is a figure: the ratio of two contenders or, if To is empty, a value in Unit.
type Row struct {
	Section string `json:"section"`
	Name    string `json:"name"` // unique in its section; identifies the row in the record
	Of      string `json:"of"`
	To      string `json:"to,omitempty"`
	Unit    string `json:"unit"` // of OfMedian and ToMedian: ns, ms, MB
	// Medians of the two, in Unit.
	OfMedian float64 `json:"ofMedian"`
	ToMedian float64 `json:"toMedian,omitzero"`
	// Median and quartiles of the figure.
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Rounds int     `json:"rounds"`
	Bar    Bar     `json:"bar,omitzero"`
	On     string  `json:"on,omitempty"` // the machine
}

// Keeps reports whether the median keeps the bar, if there is one.
func (r Row) Keeps() bool { return r.Bar.keeps(r.Median) }

func (r Row) spread(values []float64) Row {
	r.Median, r.Low, r.High = quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75)
	r.Rounds = len(values)
	return r
}
