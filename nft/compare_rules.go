package nft

// compareRules keeps the rules that both chains have in the same order, so that
// a foreign rule goes alone and a missing one comes alone.
func (d *tableDifference) compareRules(old, next *Chain) {
	keepOld, keepNext := common(old.Rules, next.Rules)
	for i, r := range old.Rules {
		if !keepOld[i] {
			d.changes.add(d.old.ruleChange(Delete, old, r))
			d.structure = true
			d.turned = append(d.turned, d.old.delRule(old, r))
		}
	}
	// A new rule goes before the next one that stays, whose handle is known.
	var before uint64
	kept := len(old.Rules)
	added := make([]message, 0, len(next.Rules))
	var changes []Change
	for i := len(next.Rules) - 1; i >= 0; i-- {
		if keepNext[i] {
			for kept--; !keepOld[kept]; kept-- {
			}
			before = old.Rules[kept].handle
			continue
		}
		added = append(added, d.next.newRule(next, next.Rules[i], before))
		changes = append(changes, d.next.ruleChange(Add, next, next.Rules[i]))
	}
	for i := len(added) - 1; i >= 0; i-- {
		d.changes.add(changes[i])
		d.structure = true
		d.turned = append(d.turned, added[i])
	}
}

// common marks the rules of a longest common subsequence.
func common(a, b []*Rule) (inA, inB []bool) {
	length := make([][]int, len(a)+1)
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if sameRule(a[i], b[j]) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	inA, inB = make([]bool, len(a)), make([]bool, len(b))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case sameRule(a[i], b[j]):
			inA[i], inB[j] = true, true
			i++
			j++
		case length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	return inA, inB
}
