package activities

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"t1"
	"t1/infra/engine"
)

// tensorDigits is how much of a tensor's digest is kept beside a record: enough to
// tell two apart, a quarter of the bytes.
const tensorDigits = 16

func shortened(digests map[string]string) map[string]string {
	if len(digests) == 0 {
		return nil
	}
	short := make(map[string]string, len(digests))
	for name, digest := range digests {
		short[name] = digest[:min(len(digest), tensorDigits)]
	}
	return short
}

// where says what of a replayed record differs from what was kept of it: which
// metrics, and which tensors, where the record's observation has them.
func (h *Host) where(ctx context.Context, record t1.Record, got engine.StepResult) string {
	said := []string{differingMetrics(record.Metrics, got.Metrics)}
	kept, err := readJSON[t1.Observation](ctx, h.Store, t1.ObservedKey(record.Run, record.Seq))
	switch {
	case err != nil || len(kept.Tensors) == 0:
		said = append(said, "which tensors differ is not known: nothing was kept of them")
	default:
		said = append(said, differingTensors(kept.Tensors, shortened(got.Tensors)))
	}
	return strings.Join(said, "; ")
}

func differingMetrics(log, got map[string]float64) string {
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if kept, is := log[name]; is && kept != got[name] {
			differ = append(differ, fmt.Sprintf("%s %v, in the log %v", name, got[name], kept))
		}
	}
	if len(differ) == 0 {
		return "its metrics are the same"
	}
	return few(differ, "metrics")
}

func differingTensors(kept, got map[string]string) string {
	names := maps.Clone(kept)
	maps.Copy(names, got)
	var differ []string
	for name := range names {
		if kept[name] != got[name] {
			differ = append(differ, name)
		}
	}
	slices.SortFunc(differ, func(a, b string) int { return cmp.Or(-cmp.Compare(ofPolicy(a), ofPolicy(b)), cmp.Compare(a, b)) })
	if len(differ) == 0 {
		return "all tensors are the same: only step or phase differ"
	}
	return fmt.Sprintf("%d of %d tensors differ: %s", len(differ), len(names), few(differ, "tensors"))
}

// ofPolicy is 1 for the policy's tensors, which are what one looks at first.
func ofPolicy(tensor string) int {
	if strings.HasPrefix(tensor, "policy.") {
		return 1
	}
	return 0
}

// few is the first three of a list, and how many more there are.
func few(all []string, what string) string {
	if len(all) <= 3 {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more %s", strings.Join(all[:3], ", "), len(all)-3, what)
}
