package t1

import (
	"context"
	"io"
	"iter"
)

// Ref names an object's bytes: where they are and what they must be.
type Ref struct {
	Key    string `json:"key"`    // within the store, slash-separated
	SHA256 string `json:"sha256"` // lower-case hex of the whole object
	Bytes  int64  `json:"bytes"`
}

// Store keeps immutable objects. Adapters: infra/dir and infra/s3; the contract
// is the conformance suite in infra/storetest.
//
// Keys are slash-separated, relative, without "." or ".." elements; any other
// key is KindInvalid. An unreachable store is KindUnavailable, a full one
// KindDiskFull.
type Store interface {
	// Create stores r's bytes under key unless an object is there: then nothing
	// is written and the error is KindConflict. An object is seen whole or not
	// at all, whatever dies in between.
	Create(ctx context.Context, key string, r io.Reader) (Ref, error)
	// Open reads an object. Reading to its end checks length and digest: in
	// place of io.EOF a reader of other bytes returns KindCorrupt. A missing
	// object is KindNotFound.
	Open(ctx context.Context, ref Ref) (io.ReadCloser, error)
	// OpenRange reads length bytes from offset, unchecked; length -1 reads to the end.
	OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	// Head describes an object, its digest included (dir reads the file for it);
	// a missing one is KindNotFound.
	Head(ctx context.Context, key string) (Ref, error)
	// List yields the keys under prefix in lexical order, with Bytes but without SHA256.
	List(ctx context.Context, prefix string) iter.Seq2[Ref, error]
	// Delete removes an object; removing a missing one is no error.
	Delete(ctx context.Context, key string) error
}

// Manifest makes a directory artifact of objects: it is written last, so the
// artifact exists when its manifest does.
type Manifest struct {
	Schema int    `json:"schema"` // 1
	Digest Digest `json:"digest"` // what the files hold: a state or a policy
	Files  []Ref  `json:"files"`  // keys below the manifest's own directory, sorted
}
