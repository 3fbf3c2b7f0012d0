package impact

// Analyze returns the impact of each change.
func Analyze(in Input) Impacts {
	a := newAnalyzer(in)
	return Impacts{
		Settings: each(in.Changes.Settings, a.setting),
		Services: each(in.Changes.Services, a.service),
		Ruleset:  a.ruleset(),
		Removed:  each(in.Changes.Removed, a.removedAddress),
	}
}

func each[Change any](changes []Change, impactOf func(Change) Impact) []Impact {
	if len(changes) == 0 {
		return nil
	}
	impacts := make([]Impact, len(changes))
	for i, c := range changes {
		impacts[i] = impactOf(c)
	}
	return impacts
}
