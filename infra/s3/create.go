package s3

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"

	"t1"
)

// large is the size in bytes from which the transfer manager sends parts. To
// find the name taken only after sending them all would be a waste.
const large = 16 << 20

// Create stores an object; see [t1.Store]. The digest stands in the object's
// metadata, which is sent first; so a reader that cannot be rewound is copied
// to a temporary file.
func (s *Store) Create(ctx context.Context, key string, r io.Reader) (t1.Ref, error) {
	if err := t1.CheckKey(key); err != nil {
		return t1.Ref{}, err
	}
	body, ref, err := prepare(ctx, key, r)
	if err != nil {
		return t1.Ref{}, err
	}
	defer body.Close()
	if ref.Bytes >= large {
		if _, err := s.head(ctx, key); err == nil {
			return t1.Ref{}, taken(key)
		}
	}
	id := rand.Text()
	_, err = s.transfer.UploadObject(ctx, &transfermanager.UploadObjectInput{
		Bucket: &s.config.Bucket, Key: aws.String(s.full(key)), Body: body.ReadSeeker, IfNoneMatch: aws.String("*"),
		Metadata: map[string]string{metaDigest: ref.SHA256, metaCreate: id},
	})
	if err = s.explain("s3:PutObject", key, err); t1.KindOf(err) == t1.KindConflict {
		err = s.whoseConflict(ctx, key, id, err)
	}
	if err != nil {
		return t1.Ref{}, err
	}
	return ref, nil
}

// whoseConflict looks who holds the name. It may be this very call: the
// client sends a request again when the answer to the first got lost.
func (s *Store) whoseConflict(ctx context.Context, key, id string, conflict error) error {
	out, err := s.head(ctx, key)
	err = s.explain("s3:GetObject", key, err)
	switch {
	case err == nil && out.Metadata[metaCreate] == id:
		return nil
	case t1.KindOf(err) == t1.KindNotFound: // the other creator failed
		return t1.Errorf(t1.KindUnavailable, "create %s: another creation was under way and came to nothing", key)
	}
	return conflict
}

// body is what is sent; Close removes the temporary file, if any.
type body struct {
	io.ReadSeeker
	temp *os.File // nil where the caller's reader is sent
}

func (b body) Close() {
	if b.temp != nil {
		b.temp.Close()
		os.Remove(b.temp.Name())
	}
}

// prepare reads r to its end for size and digest and makes it readable again.
func prepare(ctx context.Context, key string, r io.Reader) (body, t1.Ref, error) {
	if seeker, ok := r.(io.ReadSeeker); ok {
		if start, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			return rewind(ctx, key, seeker, start)
		}
	}
	temp, err := os.CreateTemp("", "t1-upload-*")
	if err != nil {
		return body{}, t1.Ref{}, explainSpool(key, err)
	}
	b := body{ReadSeeker: temp, temp: temp}
	spool := &sink{w: temp}
	ref, err := digest(key, t1.ContextReader(ctx, r), spool)
	if spool.err == nil && err == nil {
		_, spool.err = temp.Seek(0, io.SeekStart)
	}
	if spool.err != nil {
		err = explainSpool(key, spool.err)
	}
	if err != nil {
		b.Close()
		return body{}, t1.Ref{}, err
	}
	return b, ref, nil
}

func rewind(ctx context.Context, key string, r io.ReadSeeker, start int64) (body, t1.Ref, error) {
	ref, err := digest(key, t1.ContextReader(ctx, r), io.Discard)
	if err == nil {
		_, err = r.Seek(start, io.SeekStart)
	}
	return body{ReadSeeker: r}, ref, err
}

// digest copies r to w and says what it copied.
func digest(key string, r io.Reader, w io.Writer) (t1.Ref, error) {
	hash := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(hash, w), r, make([]byte, 256<<10))
	if err != nil {
		kind := t1.KindOf(err)
		if isContext(err) {
			kind = t1.KindUnavailable
		}
		return t1.Ref{}, t1.Errorf(kind, "read what is to be %s: %w", key, err)
	}
	return t1.Ref{Key: key, SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n}, nil
}

// sink remembers that writing failed, to tell it from a failing source.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
