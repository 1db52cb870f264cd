package t1

// LeaveOneOut subtracts from each value the mean of the others. It sums to 0,
// and a constant added to every value changes nothing. Fewer than two values
// have no others: KindInvalid.
func LeaveOneOut(values []float64) ([]float64, error) {
	k := len(values)
	if k < 2 {
		return nil, Errorf(KindInvalid, "leave-one-out needs at least 2 responses a prompt, got %d", k)
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	out := make([]float64, k)
	for i, v := range values {
		out[i] = v - (sum-v)/float64(k-1)
	}
	return out, nil
}

// Advantages is leave-one-out applied to r' - beta d (P Eq. 4) for the
// responses to one prompt. With plainKL it is applied to r' alone, and d is
// subtracted as it is: then the advantages sum to -beta times the sum of d.
func Advantages(rewards, d []float64, beta float64, plainKL bool) ([]float64, error) {
	if len(rewards) != len(d) {
		return nil, Errorf(KindInvalid, "%d rewards for %d divergences", len(rewards), len(d))
	}
	if plainKL {
		out, err := LeaveOneOut(rewards)
		for i := range out {
			out[i] -= beta * d[i]
		}
		return out, err
	}
	composite := make([]float64, len(rewards))
	for i := range rewards {
		composite[i] = rewards[i] - beta*d[i]
	}
	return LeaveOneOut(composite)
}
