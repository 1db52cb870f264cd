// Package t1 is the vocabulary of a platform that trains reasoning models by
// reinforcement learning with the T1 recipe (Hou et al., arXiv 2501.11651).
//
// A run is a log. Each optimizer batch is one immutable [Record]; the rollouts
// a record names are its write-ahead data; a snapshot is a shortcut, never the
// truth. Recovery loads the newest snapshot and replays the records after it.
//
// This package holds what the other packages say to one another and the pure
// maths they share. It imports the standard library only and does no I/O.
//
//	spec.go, rules.go       what a run is asked to do, and what is allowed
//	decode.go, validate.go  a spec as users write it, and every mistake in it
//	problem.go, rollout.go  what is learnt from, what was sampled, what it earned
//	record.go               the log
//	store.go, keys.go       where objects live, and under which names
//	activities.go           the work of a run, one interface a task queue
//	random.go, draw.go, advantage.go, penalty.go, stats.go, cut.go   the pure maths
//	errors.go, names.go     one error type; names that users see
//
// Glossary: the policy is the model that is trained; the anchor is the model
// the policy is held close to; a rollout is one sampled response; K is the
// number of rollouts a prompt gets; r' is a rollout's reward after penalties; d
// is its log-probability ratio to the anchor, summed over response tokens; A is
// its advantage.
package t1
