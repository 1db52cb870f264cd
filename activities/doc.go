// Package activities does the work of a run. Each activity is idempotent: it
// looks for what it is to make before it makes it, so a second attempt, a
// workflow reset or two attempts at once leave the same objects.
//
// An activity's order is always the same: find (is it there?), restore (bring
// the engine to the parent state, replaying where needed), compute, write the
// payload, write the record that names it. Whatever dies in between leaves
// either nothing or the whole.
//
// Inside, errors are ordinary Go errors with a t1.Kind; [edge] translates them
// to Temporal failures once.
package activities
