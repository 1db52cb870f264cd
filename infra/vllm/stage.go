package vllm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"t1"
)

// In Options.Dir lies one directory a policy, named by its digest, and a
// symbolic link to the one that is served. The server is started on the link, so
// that any number of files change at once, and a reader never sees half of them.
const link = "model"

func (o Options) model() string { return filepath.Join(o.Dir, link) }

var digestForm = regexp.MustCompile(`^[0-9a-f]{8,128}$`)

// stage gives the directory with the verified files of a policy, which has its
// name only when they are complete.
func (s *Server) stage(ctx context.Context, p Policy) (string, error) {
	if !digestForm.MatchString(string(p.Digest)) {
		return "", t1.Errorf(t1.KindInvalid, "policy digest %q: must be lower-case hexadecimal", p.Digest)
	}
	staged := filepath.Join(s.options.Dir, string(p.Digest))
	if _, err := os.Stat(staged); err == nil && p.Verify(ctx, staged) == nil {
		return staged, nil
	}
	partial := filepath.Join(s.options.Dir, "."+string(p.Digest)+".partial")
	for _, stale := range []string{partial, staged} {
		if err := os.RemoveAll(stale); err != nil {
			return "", onDisk("remove an old copy", err)
		}
	}
	if err := os.MkdirAll(partial, 0o700); err != nil {
		return "", onDisk("directory of the policies served", err)
	}
	err := copyFiles(ctx, p.Dir, partial)
	if err == nil {
		err = p.Verify(ctx, partial)
	}
	if err == nil {
		err = onDisk("copy of a policy", os.Rename(partial, staged))
	}
	if err != nil {
		_ = os.RemoveAll(partial)
		return "", err
	}
	return staged, nil
}

// copyFiles gives every file of a flat directory a second name, or copies it
// where the directories lie on different file systems.
func copyFiles(ctx context.Context, from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return onDisk("policy to serve", err)
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			return t1.Errorf(t1.KindInvalid, "%s: a policy holds regular files only", filepath.Join(from, entry.Name()))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		if os.Link(source, target) == nil {
			continue
		}
		if err := copyFile(source, target); err != nil {
			return onDisk("copy of a policy", err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// point makes the link name a policy's directory, at once.
func (s *Server) point(staged string) error {
	next := filepath.Join(s.options.Dir, "."+link+".next")
	_ = os.Remove(next)
	if err := os.Symlink(filepath.Base(staged), next); err != nil {
		return onDisk("link to the policy served", err)
	}
	return onDisk("link to the policy served", os.Rename(next, s.options.model()))
}

// ends gives the tokens that end a response, as the model's config.json names them.
func (l *life) ends() ([]int32, error) {
	var one struct {
		Token *int32 `json:"eos_token_id"`
	}
	if json.Unmarshal(l.config, &one) == nil && one.Token != nil {
		return []int32{*one.Token}, nil
	}
	var several struct {
		Tokens []int32 `json:"eos_token_id"`
	}
	if json.Unmarshal(l.config, &several) == nil && len(several.Tokens) > 0 {
		return several.Tokens, nil
	}
	return nil, t1.Errorf(t1.KindInvalid, "config.json of the policy: no eos_token_id; a response could not end")
}

// sweep removes the copies that are not served. What it cannot remove, the next
// one may.
func (s *Server) sweep(served t1.Digest) {
	entries, _ := os.ReadDir(s.options.Dir)
	for _, entry := range entries {
		if entry.IsDir() && digestForm.MatchString(entry.Name()) && entry.Name() != string(served) {
			_ = os.RemoveAll(filepath.Join(s.options.Dir, entry.Name()))
		}
	}
}

// onDisk gives a file system's error its kind.
func onDisk(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist):
		return t1.Errorf(t1.KindNotFound, "%s: %w", what, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return t1.Errorf(t1.KindDiskFull, "%s: %w", what, err)
	}
	return t1.Errorf(t1.KindInternal, "%s: %w", what, err)
}
