// Package chaos breaks what a run depends on, from outside the run, at named
// moments and at random ones, and looks at what came of it: whether the run ended
// in the state of one that nobody disturbed, whether anything was sampled twice
// or lost, and how long it took to go on. `make chaos` prints its table.
//
// All parts are real: t1 itself as processes, Temporal's server with a database
// file, the engine, and an S3 server. Between t1 and the S3 server stands a
// [Proxy], which knows from the requests where a run is, and can do harm to them.
package chaos
