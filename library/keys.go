package library

import (
	"fmt"

	"t1"
)

// Names of objects; those of data sets themselves are [t1.DatasetKey].

// Where name records are. No digest begins with these, so nothing collides.
const (
	datasetNames = "datasets/names"
	modelNames   = "models/names"
)

// DatasetNameKey is version n, from 1, of the name record of a data set.
func DatasetNameKey(name string, n int) string { return nameKey(datasetNames, name, n) }

// ModelNameKey is version n, from 1, of the name record of a model.
func ModelNameKey(name string, n int) string { return nameKey(modelNames, name, n) }

// ModelKey is the directory of a model: digest is the SHA-256 of its
// manifest's bytes.
func ModelKey(digest string) string { return "models/" + digest }

// ModelManifestKey is the object that makes a model complete.
func ModelManifestKey(digest string) string { return ModelKey(digest) + "/" + t1.ManifestName }

func nameKey(room, name string, n int) string { return fmt.Sprintf("%s/%s/%08d.json", room, name, n) }
