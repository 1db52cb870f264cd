package t1

import "fmt"

// Names of objects. Each is derived before the object exists, so that every
// attempt at the same work writes the same name.

// RunKey is the directory of a run.
func RunKey(run string) string { return "runs/" + run }

// SpecKey is the resolved spec of a run.
func SpecKey(run string) string { return RunKey(run) + "/spec.json" }

// ForkKey says with whose records a run's log begins; see [Fork].
func ForkKey(run string) string { return RunKey(run) + "/fork.json" }

// DataKey lists the data sets a run learns from; see [Data].
func DataKey(run string) string { return RunKey(run) + "/data.json" }

// DatasetKey is a data set, named by the digest of what it was made from.
func DatasetKey(digest string) string { return "datasets/" + digest + ".parquet" }

// LogKey is the directory of a run's records.
func LogKey(run string) string { return RunKey(run) + "/log" }

// RecordKey is record seq of a run.
func RecordKey(run string, seq int) string { return fmt.Sprintf("%s/%08d.json", LogKey(run), seq) }

// ObservedKey is what was measured while record seq was made; see [Observation].
func ObservedKey(run string, seq int) string {
	return fmt.Sprintf("%s/observed/%08d.json", RunKey(run), seq)
}

// PoolKey is the prompt pool; see [Pool].
func PoolKey(run string) string { return RunKey(run) + "/pool.json" }

// BlockKey is one block of rollouts. For the pool's own rollouts the iteration is PoolIteration.
func BlockKey(run string, iteration, shard, block int) string {
	return fmt.Sprintf("%s/rollouts/%s/s%02d-b%03d.parquet", RunKey(run), iterationName(iteration), shard, block)
}

// ScoresKey holds the scores of an iteration's rollouts.
func ScoresKey(run string, iteration int) string {
	return fmt.Sprintf("%s/scores/%s.parquet", RunKey(run), iterationName(iteration))
}

// AdvantagesKey holds d and A of an iteration's rollouts.
func AdvantagesKey(run string, iteration int) string {
	return fmt.Sprintf("%s/advantages/%s.parquet", RunKey(run), iterationName(iteration))
}

// PolicyKey is the directory of a published policy.
func PolicyKey(run string, policy Digest) string {
	return fmt.Sprintf("%s/policy/%s", RunKey(run), policy)
}

// SnapshotsKey is the directory of a run's snapshots.
func SnapshotsKey(run string) string { return RunKey(run) + "/snapshot" }

// SnapshotKey is the directory of the snapshot after record seq.
func SnapshotKey(run string, seq int) string { return fmt.Sprintf("%s/%08d", SnapshotsKey(run), seq) }

// EvalKey is the directory of a policy's evaluation on a suite.
func EvalKey(run string, policy Digest, suite string) string {
	return fmt.Sprintf("%s/eval/%s/%s", RunKey(run), policy, suite)
}

// ManifestName is the object written last into a directory artifact.
const ManifestName = "manifest.json"

// PoolIteration stands for the pool's sampling where an iteration is asked for;
// reinforcement learning counts from 1.
const PoolIteration = 0

func iterationName(iteration int) string {
	if iteration == PoolIteration {
		return "pool"
	}
	return fmt.Sprintf("%06d", iteration)
}
