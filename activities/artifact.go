package activities

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"t1"
)

// uploadDirectory stores every file of a directory under key and the manifest
// last. A manifest that is there already makes the artifact complete.
func uploadDirectory(ctx context.Context, store t1.Store, key, directory string, digest t1.Digest, beat beat) (t1.Ref, error) {
	names, err := os.ReadDir(directory)
	if err != nil {
		return t1.Ref{}, err
	}
	manifest := t1.Manifest{Schema: 1, Digest: digest}
	for _, name := range names {
		ref, err := uploadFile(ctx, store, path.Join(key, name.Name()), filepath.Join(directory, name.Name()), beat)
		if err != nil {
			return t1.Ref{}, err
		}
		ref.Key = name.Name()
		manifest.Files = append(manifest.Files, ref)
	}
	slices.SortFunc(manifest.Files, func(a, b t1.Ref) int { return cmp.Compare(a.Key, b.Key) })
	return keepJSON(ctx, store, path.Join(key, t1.ManifestName), manifest)
}

// uploadFile stores a file. One of the same bytes that an earlier attempt left
// under the key is what was asked for.
func uploadFile(ctx context.Context, store t1.Store, key, file string, beat beat) (t1.Ref, error) {
	f, err := os.Open(file)
	if err != nil {
		return t1.Ref{}, err
	}
	defer func() { _ = f.Close() }()
	ref, err := store.Create(ctx, key, &moving{Reader: f, beat: beat})
	if t1.KindOf(err) != t1.KindConflict {
		return ref, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return t1.Ref{}, err
	}
	return keep(ctx, store, key, data)
}

// downloadDirectory fetches an artifact into a new directory below the cache
// and answers its path. Each file is checked against the manifest.
func downloadDirectory(ctx context.Context, store t1.Store, key, target string, beat beat) (t1.Manifest, error) {
	return downloadFiles(ctx, store, key, target, func(string) bool { return true }, beat)
}

// downloadFiles is downloadDirectory for the files of some names.
func downloadFiles(ctx context.Context, store t1.Store, key, target string, wanted func(name string) bool, beat beat) (t1.Manifest, error) {
	manifest, err := readJSON[t1.Manifest](ctx, store, path.Join(key, t1.ManifestName))
	if err != nil {
		return manifest, err
	}
	if err := os.MkdirAll(target, 0o700); err != nil {
		return manifest, onDisk(err)
	}
	for _, file := range manifest.Files {
		if !filepath.IsLocal(file.Key) || path.Base(file.Key) != file.Key {
			return manifest, t1.Errorf(t1.KindCorrupt, "%s/%s names a file outside its directory: %q", key, t1.ManifestName, file.Key)
		}
		name := file.Key
		if !wanted(name) {
			continue
		}
		file.Key = path.Join(key, name)
		if err := downloadFile(ctx, store, file, filepath.Join(target, name), beat); err != nil {
			return manifest, err
		}
	}
	return manifest, nil
}

// verifyDirectory checks that a directory holds the files of an artifact, each
// of them whole, and no others.
func verifyDirectory(ctx context.Context, directory, key string, manifest t1.Manifest) error {
	names, err := os.ReadDir(directory)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name.Name() != t1.ManifestName && !slices.ContainsFunc(manifest.Files, func(file t1.Ref) bool { return file.Key == name.Name() }) {
			return t1.Errorf(t1.KindCorrupt, "the copy of %s holds %s, which its manifest does not name", key, name.Name())
		}
	}
	for _, file := range manifest.Files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		found, err := fileDigest(filepath.Join(directory, file.Key))
		if err != nil {
			return t1.Errorf(t1.KindCorrupt, "the copy of %s: %w", key, err)
		}
		if found != file.SHA256 {
			return t1.Errorf(t1.KindCorrupt, "the copy of %s/%s has sha256 %.12s, its manifest says %.12s", key, file.Key, found, file.SHA256)
		}
	}
	return nil
}

func fileDigest(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// downloadFile fetches an object whole or not at all.
func downloadFile(ctx context.Context, store t1.Store, ref t1.Ref, target string, beat beat) error {
	r, err := store.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	f, err := os.CreateTemp(filepath.Dir(target), ".download-*")
	if err != nil {
		return onDisk(err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if _, err := io.Copy(f, &moving{Reader: r, beat: beat, total: ref.Bytes}); err != nil {
		_ = f.Close()
		return onDisk(err)
	}
	if err := f.Close(); err != nil {
		return onDisk(err)
	}
	return onDisk(os.Rename(f.Name(), target))
}
