package activities

import (
	"errors"
	"syscall"

	"t1"
)

// onDisk gives a full disk its kind and leaves other errors as they are.
func onDisk(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return t1.Errorf(t1.KindDiskFull, "no room on disk: %w", err).
			WithHint("free some room, then resolve the parked run with {\"action\":\"retry\"}")
	}
	return err
}
