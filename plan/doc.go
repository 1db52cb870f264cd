// Package plan predicts a run before it is paid for: what it computes, keeps
// and costs, and whether it fits a machine. It is arithmetic on a spec, a
// model's shape and a table of machines; docs/plan.md has every formula with
// its unit and source.
//
// Bytes are bytes, seconds are seconds, FLOPs are floating-point operations (a
// multiply and an add are two). Sizes are float64 where they are estimates and
// int64 where they are exact.
package plan
