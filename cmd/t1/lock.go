package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"t1"
)

// lock is T1_HOME/lock, held by the one `t1 up` of a home. The kernel drops it
// with the process, so a lock never outlives its holder.
type lock struct{ file *os.File }

// takeLock takes the lock or says who has it (KindConflict).
func (s settings) takeLock() (*lock, error) {
	if err := s.makeHome(); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(s.lockPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer func() { _ = file.Close() }()
		return nil, s.heldBy(file)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	l := &lock{file: file}
	if err := l.sign(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// sign writes who holds the lock.
func (l *lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	return err
}

func (s settings) heldBy(file *os.File) error {
	pid, _ := io.ReadAll(io.LimitReader(file, 32))
	holder := strings.TrimSpace(string(pid))
	return t1.Errorf(t1.KindConflict, "t1 is up already in %s, process %s", s.Home, holder).
		WithHint("use it (t1 train SPEC), stop it (kill %s), or set T1_HOME to another directory", holder)
}

func (l *lock) release() error { return l.file.Close() }
