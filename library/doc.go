// Package library keeps what a run is given from outside: problem sets and
// demonstrations made of files, and base models. Each is stored under the
// digest of its bytes; a name record, written last, says what it is and where
// it came from. A run notes digests, so a name that moves on changes no run.
package library
