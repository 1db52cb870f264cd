package s3

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"t1"
)

// resumptions is how often reading one object goes on after a broken connection.
const resumptions = 3

// Open reads an object; see [t1.Store]. A connection that breaks is made again
// where it broke.
func (s *Store) Open(ctx context.Context, ref t1.Ref) (io.ReadCloser, error) {
	if ref.SHA256 == "" {
		return nil, t1.Errorf(t1.KindInvalid, "the reference to %s has no digest", ref.Key).
			WithHint("Head tells it; OpenRange reads unchecked")
	}
	r, err := s.OpenRange(ctx, ref.Key, 0, -1)
	if err != nil {
		return nil, err
	}
	return t1.CheckedReader(r, ref), nil
}

// OpenRange reads a part, unchecked; past the end there is nothing. A negative
// offset or length, but for the length -1, is KindInvalid.
func (s *Store) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := t1.CheckKey(key); err != nil {
		return nil, err
	}
	if offset < 0 || length < -1 {
		return nil, t1.Errorf(t1.KindInvalid, "range of %s: offset %d and length %d must not be negative", key, offset, length)
	}
	if length == 0 { // cannot be asked for, but a missing object must be found missing
		_, err := s.head(ctx, key)
		return http.NoBody, s.explain("s3:GetObject", key, err)
	}
	r := &object{ctx: ctx, store: s, key: key, offset: offset, length: length}
	if err := r.connect(); err != nil {
		if pastEnd(err) {
			return http.NoBody, nil
		}
		return nil, s.explain("s3:GetObject", key, err)
	}
	return r, nil
}

func pastEnd(err error) bool {
	var response *smithyhttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable
}

// object reads length bytes from offset, both of which move as it is read.
type object struct {
	ctx            context.Context
	store          *Store
	key            string
	offset, length int64  // length -1: to the end
	etag           string // of the first answer: what is read later must be the same object
	body           io.ReadCloser
	resumed        int
}

func (o *object) connect() error {
	in := &s3.GetObjectInput{Bucket: &o.store.config.Bucket, Key: aws.String(o.store.full(o.key))}
	if o.offset > 0 || o.length > 0 {
		in.Range = aws.String(byteRange(o.offset, o.length))
	}
	if o.etag != "" {
		in.IfMatch = &o.etag
	}
	out, err := o.store.client.GetObject(o.ctx, in)
	if err != nil {
		return err
	}
	o.body, o.etag = out.Body, aws.ToString(out.ETag)
	if o.length < 0 && out.ContentLength != nil {
		o.length = *out.ContentLength
	}
	return nil
}

func (o *object) Read(p []byte) (int, error) {
	if err := o.ctx.Err(); err != nil {
		return 0, o.store.explain("s3:GetObject", o.key, err)
	}
	n, err := o.body.Read(p)
	o.offset += int64(n)
	if o.length > 0 {
		o.length -= int64(n)
	}
	if err == nil || err == io.EOF {
		return n, err
	}
	if o.length == 0 { // all was read before the connection broke
		return n, io.EOF
	}
	return n, o.resume(err)
}

// resume connects again after a failure, or returns that.
func (o *object) resume(failure error) error {
	if o.ctx.Err() == nil && o.resumed < resumptions {
		o.resumed++
		o.body.Close()
		if o.connect() == nil {
			return nil
		}
	}
	return o.store.explain("s3:GetObject", o.key, failure)
}

func (o *object) Close() error { return o.body.Close() }
