package t1

import (
	"errors"
	"fmt"
)

// Kind says what a failure means to whoever handles it. It is the type of the
// Temporal failure an activity returns and decides retries and exit codes.
type Kind string

// The kinds. Retries: see [Kind.Retryable]; exit codes: see [Kind.ExitCode].
const (
	KindInvalid       Kind = "Invalid"       // the input is wrong; says which field, what was given, what is allowed
	KindNotFound      Kind = "NotFound"      // says what was looked for and where
	KindConflict      Kind = "Conflict"      // something else holds the name
	KindOutOfMemory   Kind = "OutOfMemory"   // the engine had too little memory for a micro-batch
	KindNumeric       Kind = "Numeric"       // a loss or gradient was not finite; the state is unchanged
	KindSamplerGap    Kind = "SamplerGap"    // the sampler's log-probabilities are too far from the trainer's; the state is unchanged
	KindCorrupt       Kind = "Corrupt"       // an object's bytes are not those its digest names
	KindStateMismatch Kind = "StateMismatch" // the engine holds another state than the one asked for
	KindDiskFull      Kind = "DiskFull"      // no room to write
	KindUnavailable   Kind = "Unavailable"   // something did not answer; trying again may help
	KindPreempted     Kind = "Preempted"     // the worker is stopping; the work goes on elsewhere
	KindInternal      Kind = "Internal"      // anything else
)

// Retryable reports whether another attempt at the same work may succeed
// without a person.
func (k Kind) Retryable() bool {
	switch k {
	case KindUnavailable, KindPreempted, KindStateMismatch, KindInternal:
		return true
	}
	return false
}

// ExitCode is the status with which the tool ends.
func (k Kind) ExitCode() int {
	switch k {
	case KindInvalid:
		return 2
	case KindNotFound:
		return 10
	case KindConflict:
		return 11
	case KindCorrupt, KindStateMismatch, KindSamplerGap:
		return 12
	case KindUnavailable:
		return 13
	}
	return 1
}

// Error is the one error type that crosses a package boundary with a meaning.
type Error struct {
	Kind    Kind
	Message string // lower case, no full stop, for a person
	Hint    string // what to do next; empty where there is nothing to say
	Err     error  // the cause; may be nil
}

// Errorf makes an error of a kind; %w works as in fmt.Errorf.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint returns the error with the next step to take.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of the outermost Error in err's chain, KindInternal where
// there is none, and empty for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// HintOf is the first hint in err's chain, or empty.
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
