package main

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"t1"
	"t1/infra/dir"
	"t1/infra/s3"
)

// openStore opens the store at its address.
func (t *tool) openStore(ctx context.Context) (t1.Store, error) {
	address, err := url.Parse(t.settings.Store)
	if err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "T1_STORE: %w", err)
	}
	switch address.Scheme {
	case "file":
		if address.Host != "" || address.Path == "" {
			return nil, t1.Errorf(t1.KindInvalid, "T1_STORE is %q; a directory is written file:///path", t.settings.Store)
		}
		return dir.New(address.Path)
	case "s3":
		return openBucket(ctx, address)
	}
	return nil, t1.Errorf(t1.KindInvalid, "T1_STORE is %q; allowed are file:///path and s3://bucket/prefix", t.settings.Store)
}

// openBucket opens a store in S3. Region, endpoint and path style come from
// T1_S3_REGION, T1_S3_ENDPOINT and T1_S3_PATH_STYLE.
func openBucket(ctx context.Context, address *url.URL) (t1.Store, error) {
	var config s3.Config
	if err := envconfig.Process("t1_s3", &config); err != nil {
		return nil, t1.Errorf(t1.KindInvalid, "environment: %w", err)
	}
	config.Bucket, config.Prefix = address.Host, address.Path
	return s3.New(ctx, config)
}

// readJSON reads one small object whole, checked against its digest.
func readJSON(ctx context.Context, store t1.Store, key string, into any) error {
	ref, err := store.Head(ctx, key)
	if err != nil {
		return err
	}
	object, err := store.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer func() { _ = object.Close() }()
	data, err := io.ReadAll(object) // to its end: that is when the digest is checked
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return t1.Errorf(t1.KindCorrupt, "%s is no valid JSON: %w", key, err)
	}
	return nil
}

// runStore opens the store for a command that reads one run.
func (t *tool) runStore(ctx context.Context, run string) (t1.Store, error) {
	if err := checkRunName(run); err != nil {
		return nil, err
	}
	return t.openStore(ctx)
}

var runName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// checkRunName refuses a name that could not be part of an object's key.
func checkRunName(run string) error {
	if runName.MatchString(run) && !strings.Contains(run, "..") {
		return nil
	}
	return t1.Errorf(t1.KindInvalid, "run name %q: allowed are 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit", run).
		WithHint("--run NAME")
}
