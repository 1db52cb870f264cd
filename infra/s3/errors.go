package s3

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"t1"
)

func taken(key string) error {
	return t1.Errorf(t1.KindConflict, "object %s is there already", key)
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// explain says what went wrong with a request: action is the permission it
// takes, key may be empty. It returns nil for nil.
func (s *Store) explain(action, key string, err error) error {
	if err == nil {
		return nil
	}
	bucket, code, status := s.config.Bucket, codeOf(err), statusOf(err)
	switch {
	case isContext(err):
		return t1.Errorf(t1.KindUnavailable, "%s %s in bucket %s: %w", action, key, bucket, err)
	case code == "NoSuchBucket":
		return t1.Errorf(t1.KindInvalid, "bucket %s does not exist", bucket).
			WithHint("make it (terraform/ does), or correct the store's address")
	case status == http.StatusPreconditionFailed, code == "ConditionalRequestConflict":
		return taken(key)
	case status == http.StatusNotFound:
		return t1.Errorf(t1.KindNotFound, "object %s is not in bucket %s under %q", key, bucket, s.config.Prefix)
	case status == http.StatusForbidden:
		return t1.Errorf(t1.KindInvalid, "%s on bucket %s is not allowed (%s)", action, bucket, or(code, "Forbidden")).
			WithHint("check the credentials, and that they grant %s on %s", action, s.resource())
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect, code == "AuthorizationHeaderMalformed":
		return t1.Errorf(t1.KindInvalid, "bucket %s is in another region than the one configured: %w", bucket, err).
			WithHint("set the bucket's region in the store's address")
	case strings.HasPrefix(code, "Expired"), strings.Contains(err.Error(), "get identity"):
		return t1.Errorf(t1.KindInvalid, "no valid AWS credentials for bucket %s: %w", bucket, err).
			WithHint("sign in again, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case status == http.StatusInsufficientStorage, strings.Contains(code, "StorageFull"), code == "QuotaExceeded":
		return t1.Errorf(t1.KindDiskFull, "bucket %s has no room left for %s: %w", bucket, key, err).
			WithHint("make room and try again; nothing that was stored is lost")
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout && code != "RequestTimeout" && status != http.StatusConflict:
		return t1.Errorf(t1.KindInternal, "%s %s in bucket %s: %w", action, key, bucket, err)
	}
	return t1.Errorf(t1.KindUnavailable, "bucket %s at %s does not answer %s: %w", bucket, or(s.config.Endpoint, "AWS"), action, err).
		WithHint("check the network and the store's address; the work goes on by itself when it answers again")
}

// resource is what a policy would name.
func (s *Store) resource() string {
	return "arn:aws:s3:::" + s.config.Bucket + "/" + s.full("*")
}

func explainSpool(key string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return t1.Errorf(t1.KindDiskFull, "create %s: no room for a temporary copy: %w", key, err).
			WithHint("make room, or set TMPDIR to a directory with room")
	}
	return t1.Errorf(t1.KindInternal, "create %s: temporary copy: %w", key, err)
}

// codeOf is the server's word for what went wrong, or empty.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// statusOf is the HTTP status, or 0 where there was no answer.
func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
