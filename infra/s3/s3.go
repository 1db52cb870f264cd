// Package s3 keeps a [t1.Store] in a bucket of S3 or of a server that speaks
// its protocol with conditional writes (If-None-Match).
package s3

import (
	"context"
	"io"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"t1"
)

// Config says where the store is. Credentials come from where AWS's own tools
// take them: environment, shared files, instance role.
type Config struct {
	Bucket    string // must exist
	Prefix    string // all keys are below it; empty is the whole bucket; slashes at its ends do not count
	Region    string // empty: as AWS's own tools find it
	Endpoint  string // URL of a server other than AWS's; empty is AWS
	PathStyle bool   `split_words:"true"` // the bucket in the path, not in the host name; most other servers need it
}

// Metadata of an object.
const (
	metaDigest = "t1-sha256" // of its bytes, lower-case hex
	metaCreate = "t1-create" // of the Create call that made it
)

// Store is a t1.Store in a bucket. Its methods may be called from many
// goroutines, and many processes may use one bucket and prefix.
type Store struct {
	config   Config
	client   *s3.Client
	transfer *transfermanager.Client
}

var _ t1.Store = (*Store)(nil)

// New makes the store; it asks the network for nothing, but for an instance's
// region or credentials. A configuration that cannot work is KindInvalid.
func New(ctx context.Context, config Config) (*Store, error) {
	config.Prefix = strings.Trim(config.Prefix, "/")
	if err := validate(config); err != nil {
		return nil, err
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, func(o *awsconfig.LoadOptions) error {
		o.Region = config.Region
		return nil
	})
	if err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "the AWS configuration cannot be read: %w", err)
	}
	if loaded.Region == "" && config.Endpoint == "" {
		return nil, t1.Errorf(t1.KindInvalid, "the region of bucket %s is not known", config.Bucket).
			WithHint("set it in the store's address or in AWS_REGION")
	}
	client := s3.NewFromConfig(loaded, func(o *s3.Options) {
		o.UsePathStyle = config.PathStyle
		o.RetryMaxAttempts = 5
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired // we check SHA-256 ourselves
		if config.Endpoint != "" {
			o.BaseEndpoint = aws.String(config.Endpoint)
		}
		if o.Region == "" {
			o.Region = "us-east-1" // other servers ask for some region in a signature
		}
	})
	return &Store{config: config, client: client, transfer: transfermanager.New(client, func(o *transfermanager.Options) {
		o.FailTimeout = 10 * time.Second // to take back the parts of an upload that failed
	})}, nil
}

func validate(config Config) error {
	if config.Bucket == "" || strings.Contains(config.Bucket, "/") {
		return t1.Errorf(t1.KindInvalid, "bucket %q is not a bucket's name", config.Bucket).
			WithHint("a store in S3 is s3://bucket/prefix")
	}
	if config.Prefix != "" {
		if err := t1.CheckKey(config.Prefix); err != nil {
			return err
		}
	}
	if u, err := url.Parse(config.Endpoint); err != nil || config.Endpoint != "" && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return t1.Errorf(t1.KindInvalid, "endpoint %q is not a URL", config.Endpoint).
			WithHint("it begins with http:// or https://")
	}
	return nil
}

// Check asks the server whether the bucket is there and may be used: nil, or a
// sentence that says what is wrong.
func (s *Store) Check(ctx context.Context) error {
	_, err := s.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &s.config.Bucket, Prefix: aws.String(s.full("")), MaxKeys: aws.Int32(1),
	})
	return s.explain("s3:ListBucket", "", err)
}

// full is the key in the bucket; of an empty key, what all keys begin with.
func (s *Store) full(key string) string {
	if s.config.Prefix == "" {
		return key
	}
	return s.config.Prefix + "/" + key
}

// Head describes an object. The digest is the one kept with it; one that was
// stored by other means is read for it.
func (s *Store) Head(ctx context.Context, key string) (t1.Ref, error) {
	if err := t1.CheckKey(key); err != nil {
		return t1.Ref{}, err
	}
	out, err := s.head(ctx, key)
	if err != nil {
		return t1.Ref{}, s.explain("s3:GetObject", key, err)
	}
	digest := out.Metadata[metaDigest]
	if digest == "" {
		return s.digest(ctx, key)
	}
	return t1.Ref{Key: key, SHA256: digest, Bytes: aws.ToInt64(out.ContentLength)}, nil
}

func (s *Store) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	return s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.config.Bucket, Key: aws.String(s.full(key))})
}

func (s *Store) digest(ctx context.Context, key string) (t1.Ref, error) {
	r, err := s.OpenRange(ctx, key, 0, -1)
	if err != nil {
		return t1.Ref{}, err
	}
	defer r.Close()
	return digest(key, r, io.Discard)
}

// Delete removes an object; see [t1.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := t1.CheckKey(key); err != nil {
		return err
	}
	_, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.config.Bucket, Key: aws.String(s.full(key))})
	if err = s.explain("s3:DeleteObject", key, err); t1.KindOf(err) == t1.KindNotFound {
		return nil
	}
	return err
}

// List yields the objects whose keys begin with prefix; see [t1.Store].
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[t1.Ref, error] {
	return func(yield func(t1.Ref, error) bool) {
		if err := t1.CheckPrefix(prefix); err != nil {
			yield(t1.Ref{}, err)
			return
		}
		pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
			Bucket: &s.config.Bucket, Prefix: aws.String(s.full(prefix)),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(t1.Ref{}, s.explain("s3:ListBucket", prefix, err))
				return
			}
			for _, object := range page.Contents {
				key := strings.TrimPrefix(aws.ToString(object.Key), s.full(""))
				if t1.CheckKey(key) != nil {
					continue // the console's "folders", say: nothing that a Store made
				}
				if !yield(t1.Ref{Key: key, Bytes: aws.ToInt64(object.Size)}, nil) {
					return
				}
			}
		}
	}
}

func byteRange(offset, length int64) string {
	from := "bytes=" + strconv.FormatInt(offset, 10) + "-"
	if length < 0 {
		return from
	}
	return from + strconv.FormatInt(offset+length-1, 10)
}
