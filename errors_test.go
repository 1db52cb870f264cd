package t1

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestKindOf(t *testing.T) {
	missing := Errorf(KindNotFound, "no run %q", "a")
	tests := []struct {
		name string
		err  error
		want Kind
	}{
		{"nil", nil, ""},
		{"plain", io.EOF, KindInternal},
		{"direct", missing, KindNotFound},
		{"wrapped", fmt.Errorf("read: %w", missing), KindNotFound},
		{"outermost wins", Errorf(KindInvalid, "spec: %w", missing), KindInvalid},
		{"joined", errors.Join(io.EOF, missing), KindNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := KindOf(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestHintOf(t *testing.T) {
	hinted := Errorf(KindNotFound, "no run").WithHint("t1 %s", "list")
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"plain", io.EOF, ""},
		{"none", Errorf(KindInvalid, "x"), ""},
		{"direct", hinted, "t1 list"},
		{"below another without", fmt.Errorf("a: %w", Errorf(KindInvalid, "b: %w", hinted)), "t1 list"},
		{"the first", Errorf(KindInvalid, "b: %w", hinted).WithHint("mine"), "mine"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := HintOf(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestErrorWraps(t *testing.T) {
	err := Errorf(KindUnavailable, "store: %w", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got, want := err.Error(), "store: unexpected EOF"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestKinds(t *testing.T) {
	tests := []struct {
		kind  Kind
		retry bool
		exit  int
	}{
		{KindInvalid, false, 2},
		{KindNotFound, false, 10},
		{KindConflict, false, 11},
		{KindCorrupt, false, 12},
		{KindStateMismatch, true, 12},
		{KindUnavailable, true, 13},
		{KindOutOfMemory, false, 1},
		{KindNumeric, false, 1},
		{KindSamplerGap, false, 12},
		{KindDiskFull, false, 1},
		{KindPreempted, true, 1},
		{KindInternal, true, 1},
	}
	for _, test := range tests {
		if got := test.kind.Retryable(); got != test.retry {
			t.Errorf("%s: retryable %v, want %v", test.kind, got, test.retry)
		}
		if got := test.kind.ExitCode(); got != test.exit {
			t.Errorf("%s: exit %d, want %d", test.kind, got, test.exit)
		}
	}
}
