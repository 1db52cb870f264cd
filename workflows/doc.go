// Package workflows is the order of things: what a run does next, what it does
// when something fails, and what a person may change on the way.
//
// The rules here, because a workflow is replayed from its history:
//
//  1. Imports: the root package and the Temporal SDK. Never package activities.
//  2. No clock, randomness, environment, file or goroutine but workflow's own.
//  3. No map is ranged over without an order.
//  4. Bytes stay in the store: what goes through history is a digest, a Ref or a number.
//  5. Activities are named by method expression, through call, never by string.
//  6. An activity finds what it made before, so a step is simply called again.
//  7. A run is where its Carried says it is, nowhere else: the code that is
//     entered after continue-as-new is the code that was left.
//  8. A failing step parks the run; only a refused spec fails it.
//  9. Updates set a flag and answer at once; the next boundary acts on it.
//  10. Names (names.go of the root) and JSON keys only ever get additions.
package workflows
