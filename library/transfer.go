package library

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"t1"
)

// upload stores the files of a manifest below key.
func upload(ctx context.Context, store t1.Store, directory, key string, manifest t1.Manifest) error {
	for _, ref := range manifest.Files {
		file, err := os.Open(filepath.Join(directory, ref.Key))
		if err != nil {
			return err
		}
		ref.Key = path.Join(key, ref.Key)
		err = keep(ctx, store, ref, file)
		_ = file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Download fetches a directory artifact, a model or a policy, into target,
// which must not exist: that is KindConflict. Every file is checked against the
// manifest, and the weights against the digest wanted: KindCorrupt. Target is
// whole or not there.
func Download(ctx context.Context, store t1.Store, key string, want t1.Digest, target string) (t1.Manifest, error) {
	var manifest t1.Manifest
	err := newDirectory(target, func(directory string) error {
		if err := readJSON(ctx, store, path.Join(key, t1.ManifestName), &manifest); err != nil {
			return err
		}
		for _, file := range manifest.Files {
			name := file.Key
			if !filepath.IsLocal(name) || path.Base(name) != name {
				return t1.Errorf(t1.KindCorrupt, "%s/%s names a file outside its directory: %q", key, t1.ManifestName, name)
			}
			file.Key = path.Join(key, name)
			from, err := store.Open(ctx, file)
			if err != nil {
				return err
			}
			if err := save(from, filepath.Join(directory, name)); err != nil {
				return err
			}
		}
		found, err := readWeights(directory)
		if err == nil && found.Digest != want {
			return t1.Errorf(t1.KindCorrupt, "%s holds weights %.12s, not %.12s", key, found.Digest, want)
		}
		return err
	})
	return manifest, err
}

// save copies a stream into a new file and closes the stream.
func save(from io.ReadCloser, target string) error {
	defer func() { _ = from.Close() }()
	file, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, from); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

// newDirectory gives a directory its name when fill has ended well, so that it
// is seen whole or not at all.
func newDirectory(target string, fill func(directory string) error) error {
	if _, err := os.Lstat(target); err == nil {
		return t1.Errorf(t1.KindConflict, "%s is there already", target).WithHint("name a directory that does not exist")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(filepath.Clean(target))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(parent, ".t1-partial-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(partial) }()
	if err := fill(partial); err != nil {
		return err
	}
	if err := os.Chmod(partial, 0o755); err != nil {
		return err
	}
	return os.Rename(partial, target)
}

// modelFiles are the endings of files that a model is made of; pickles are not
// among them.
var modelFiles = []string{".json", ".safetensors", ".gguf", ".txt", ".model", ".jinja"}

// FetchSource downloads a model from a bucket that others wrote, into target,
// which must not exist: the files of a model at the top of the store, or the one
// that only names. There is no digest to check them by, so their length is
// checked. Nothing to fetch is KindNotFound.
func FetchSource(ctx context.Context, store t1.Store, only, target string) error {
	return newDirectory(target, func(directory string) error {
		files := 0
		for ref, err := range store.List(ctx, only) {
			if err != nil {
				return err
			}
			wanted := path.Base(ref.Key) == ref.Key && slices.Contains(modelFiles, path.Ext(ref.Key))
			if !wanted || only != "" && ref.Key != only {
				continue
			}
			if err := fetch(ctx, store, ref, filepath.Join(directory, ref.Key)); err != nil {
				return err
			}
			files++
		}
		if files == 0 {
			return t1.Errorf(t1.KindNotFound, "there are no files of a model at that address")
		}
		return nil
	})
}

func fetch(ctx context.Context, store t1.Store, ref t1.Ref, target string) error {
	from, err := store.OpenRange(ctx, ref.Key, 0, -1)
	if err != nil {
		return err
	}
	if err := save(from, target); err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err == nil && info.Size() != ref.Bytes {
		return t1.Errorf(t1.KindCorrupt, "%s ended after %d of %d bytes", ref.Key, info.Size(), ref.Bytes).WithHint("import again")
	}
	return err
}
