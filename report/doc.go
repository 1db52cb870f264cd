// Package report makes one HTML file of a run: what reinforcement learning
// changed, how it got there, what it cost, and how to check it. The file loads
// nothing, runs no script, and escapes everything a model wrote.
//
//	input.go            what a report is made of
//	load*.go            gathering it from a store
//	page.go             the sections, in order
//	headline.go         one sentence and four figures
//	progress.go         what a run still lacks
//	steer.go            what a person changed on the way
//	compare.go          SFT beside RL
//	learning.go curve.go   what the log's metrics did
//	logtable.go         the same as numbers
//	checkpoint.go       evaluations in the order of training
//	scaling.go          accuracy against the thinking kept
//	progression.go      accuracy by checkpoint
//	timing.go lap.go    where the time went
//	example.go          whole responses
//	recipe*.go          every setting beside the recipe's
//	identity.go         digests, environment, how to verify
//	format.go text.go   numbers and untrusted text as they are shown
//	chart/              charts as inline SVG
//	templates/          the page and its style
package report
