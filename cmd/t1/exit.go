package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"t1"
)

// exitForced is the status after a second Ctrl-C.
const exitForced = 130

// fail tells the user what is wrong and what to do next, and gives the exit
// status that says the same to a script.
func (t *tool) fail(err error) int {
	err = translate(err)
	kind := t1.KindOf(err)
	message := err.Error()
	if kind == t1.KindInternal {
		message = "internal error: " + message
	}
	fmt.Fprintln(t.err, "t1: "+strings.TrimSpace(message))
	if hint := t1.HintOf(err); hint != "" {
		fmt.Fprintln(t.err, "Try: "+hint)
	}
	return kind.ExitCode()
}

// translate gives a meaning to an error that came from outside t1: from
// Temporal, as a failure that an activity named, or from the file system.
func translate(err error) error {
	var known *t1.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	if e := fromTemporal(err); e != nil {
		return e
	}
	if e := fromSystem(err); e != nil {
		return e
	}
	return err
}

func fromTemporal(err error) error {
	var failure *temporal.ApplicationError
	var missing *serviceerror.NotFound
	var unavailable *serviceerror.Unavailable
	var deadline *serviceerror.DeadlineExceeded
	var idle *serviceerror.FailedPrecondition
	var query *serviceerror.QueryFailed
	switch {
	case errors.As(err, &failure):
		return t1.Errorf(kindNamed(failure.Type()), "%s", failure.Message())
	case errors.As(err, &missing) && strings.Contains(missing.Message, "already completed"):
		return t1.Errorf(t1.KindConflict, "the run has ended")
	case errors.As(err, &missing):
		return t1.Errorf(t1.KindNotFound, "Temporal knows no such run").WithHint("t1 list")
	case errors.As(err, &unavailable):
		return noTemporal(err)
	case errors.As(err, &deadline), errors.As(err, &idle), errors.Is(err, context.DeadlineExceeded):
		return t1.Errorf(t1.KindUnavailable, "no worker answers").WithHint("t1 up")
	case errors.As(err, &query):
		return t1.Errorf(t1.KindUnavailable, "the run does not answer: %s", query.Message).WithHint("t1 up")
	}
	return nil
}

func noTemporal(err error) error {
	return t1.Errorf(t1.KindUnavailable, "Temporal does not answer: %v", err).WithHint("t1 up")
}

// kindNamed is the kind an activity or an update put into a failure's type.
func kindNamed(name string) t1.Kind {
	switch kind := t1.Kind(name); kind {
	case t1.KindInvalid, t1.KindNotFound, t1.KindConflict, t1.KindOutOfMemory, t1.KindNumeric, t1.KindSamplerGap, t1.KindCorrupt,
		t1.KindStateMismatch, t1.KindDiskFull, t1.KindUnavailable, t1.KindPreempted:
		return kind
	}
	return t1.KindInternal
}

func fromSystem(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return t1.Errorf(t1.KindDiskFull, "the disk is full: %w", err).WithHint("df -h . && du -sh .t1/*")
	case errors.Is(err, fs.ErrNotExist):
		return t1.Errorf(t1.KindNotFound, "%w", err)
	case errors.Is(err, fs.ErrPermission):
		return t1.Errorf(t1.KindInvalid, "%w", err)
	}
	return nil
}
