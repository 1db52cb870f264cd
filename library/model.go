package library

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"t1"
)

// Model is the name record of a stored base model.
type Model struct {
	Schema       int       `json:"schema"` // 1
	Name         string    `json:"name"`
	Version      int       `json:"version"`      // from 1; each replacement adds one
	Manifest     t1.Ref    `json:"manifest"`     // its directory holds the files; the directory's name is its digest
	Digest       t1.Digest `json:"digest"`       // of the weights, as of a policy
	Architecture string    `json:"architecture"` // model_type of config.json
	Parameters   int64     `json:"parameters"`   // elements of all tensors
	Files        int       `json:"files"`
	Bytes        int64     `json:"bytes"`      // of the files
	Source       string    `json:"source"`     // name of the file or directory, or the address
	CreatedBy    string    `json:"created_by"` // version of t1
}

// ModelOptions says how a directory is to be known.
type ModelOptions struct {
	Name      string // see [CheckName]
	Source    string // see [Model]
	Replace   bool   // a name that is taken gets a new version
	CreatedBy string // version of t1
}

// ImportModel stores a Hugging Face directory, as the engine's converter made
// it, and names it; stored is false where the same was there already. The
// directory must be flat and hold config.json and safetensors, else it is
// KindInvalid. A name that is taken by another model is KindConflict; then
// nothing is stored.
func ImportModel(ctx context.Context, store t1.Store, directory string, o ModelOptions) (model Model, stored bool, err error) {
	model, manifest, err := describe(directory, o)
	if err != nil {
		return model, false, err
	}
	before, version, err := newestName[Model](ctx, store, modelNames, o.Name)
	switch {
	case err != nil:
		return model, false, err
	case version > 0 && before.Manifest == model.Manifest:
		return before, false, nil
	case version > 0 && !o.Replace:
		return model, false, taken("model", o.Name, "model")
	}
	if err := upload(ctx, store, directory, ModelKey(model.Manifest.SHA256), manifest); err != nil {
		return model, false, err
	}
	data, err := marshal(manifest)
	if err != nil {
		return model, false, err
	}
	if err := keep(ctx, store, model.Manifest, bytes.NewReader(data)); err != nil {
		return model, false, err
	}
	model.Version = version + 1
	return model, true, putName(ctx, store, ModelNameKey(o.Name, model.Version), model)
}

// describe makes the record of a directory, its version left open, and the
// manifest.
func describe(directory string, o ModelOptions) (Model, t1.Manifest, error) {
	model := Model{Schema: 1, Name: o.Name, Source: o.Source, CreatedBy: o.CreatedBy}
	var manifest t1.Manifest
	if err := CheckName(o.Name); err != nil {
		return model, manifest, err
	}
	var err error
	if model.Architecture, err = architecture(directory); err != nil {
		return model, manifest, err
	}
	found, err := readWeights(directory)
	if err != nil {
		return model, manifest, err
	}
	model.Digest, model.Parameters = found.Digest, found.Parameters
	if manifest, err = manifestOf(directory, found.Digest); err != nil {
		return model, manifest, err
	}
	for _, file := range manifest.Files {
		model.Files, model.Bytes = model.Files+1, model.Bytes+file.Bytes
	}
	data, err := marshal(manifest)
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	model.Manifest = t1.Ref{Key: ModelManifestKey(digest), SHA256: digest, Bytes: int64(len(data))}
	return model, manifest, err
}

// architecture reads model_type.
func architecture(directory string) (string, error) {
	data, err := os.ReadFile(filepath.Join(directory, "config.json"))
	if err != nil {
		return "", t1.Errorf(t1.KindInvalid, "%s is no model directory: %v", directory, err)
	}
	var config struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(data, &config); err != nil || config.ModelType == "" {
		return "", t1.Errorf(t1.KindInvalid, "%s: config.json names no model_type", directory)
	}
	return config.ModelType, nil
}

// manifestOf lists a directory's files, in the order of their names.
func manifestOf(directory string, digest t1.Digest) (t1.Manifest, error) {
	manifest := t1.Manifest{Schema: 1, Digest: digest}
	entries, err := os.ReadDir(directory)
	if err != nil {
		return manifest, err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || entry.Name() == t1.ManifestName {
			return manifest, t1.Errorf(t1.KindInvalid, "%s: %s does not belong into a model", directory, entry.Name())
		}
		ref, err := refOf(filepath.Join(directory, entry.Name()))
		if err != nil {
			return manifest, err
		}
		ref.Key = entry.Name()
		manifest.Files = append(manifest.Files, ref)
	}
	return manifest, nil
}

func refOf(path string) (t1.Ref, error) {
	file, err := os.Open(path)
	if err != nil {
		return t1.Ref{}, err
	}
	defer func() { _ = file.Close() }()
	digest := sha256.New()
	n, err := io.Copy(digest, file)
	return t1.Ref{SHA256: hex.EncodeToString(digest.Sum(nil)), Bytes: n}, err
}

// ResolveModel finds a model by its name, or by its digest: that of its
// manifest, or of its weights. What is not there is KindNotFound.
func ResolveModel(ctx context.Context, store t1.Store, nameOrDigest string) (Model, error) {
	missing := t1.Errorf(t1.KindNotFound, "there is no model named %s", nameOrDigest).
		WithHint("t1 model list, or t1 model import DIR --name NAME")
	if digestForm.MatchString(nameOrDigest) {
		all, err := Models(ctx, store)
		for _, m := range all {
			if m.Manifest.SHA256 == nameOrDigest || string(m.Digest) == nameOrDigest {
				return m, nil
			}
		}
		if err != nil {
			return Model{}, err
		}
		return Model{}, missing
	}
	if err := CheckName(nameOrDigest); err != nil {
		return Model{}, err
	}
	found, version, err := newestName[Model](ctx, store, modelNames, nameOrDigest)
	if err == nil && version == 0 {
		return Model{}, missing
	}
	return found, err
}

// Models lists the newest version of every name, in order.
func Models(ctx context.Context, store t1.Store) ([]Model, error) {
	return allNames[Model](ctx, store, modelNames)
}
