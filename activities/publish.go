package activities

import (
	"context"
	"path"

	"t1"
	"t1/infra/engine"
)

// publish makes the engine's policy an artifact that samplers load.
func (h *Host) publish(ctx context.Context, client *engine.Client, run string, policy t1.Digest, beat beat) error {
	key := t1.PolicyKey(run, policy)
	if _, err := h.Store.Head(ctx, path.Join(key, t1.ManifestName)); t1.KindOf(err) != t1.KindNotFound {
		return err
	}
	directory, remove, err := h.scratch()
	if err != nil {
		return err
	}
	defer remove()
	if err := during(beat, func() error { return client.Publish(ctx, directory, policy) }); err != nil {
		return err
	}
	_, err = uploadDirectory(ctx, h.Store, key, directory, policy, beat)
	return err
}

// ready makes the engine's sampler hold a policy and answers the token that
// ends a response.
func (h *Host) ready(ctx context.Context, client *engine.Client, run string, policy t1.Digest, beat beat) (eos int32, err error) {
	eos, err = client.OpenPolicy(ctx, policy, "")
	if t1.KindOf(err) != t1.KindNotFound {
		return eos, err
	}
	directory, remove, err := h.scratch()
	if err != nil {
		return 0, err
	}
	defer remove()
	key, err := h.policyKey(ctx, run, policy)
	if err != nil {
		return 0, err
	}
	manifest, err := downloadDirectory(ctx, h.Store, key, directory, beat)
	if err != nil {
		return 0, err
	}
	if manifest.Digest != policy {
		return 0, t1.Errorf(t1.KindCorrupt, "%s holds policy %.12s", key, manifest.Digest)
	}
	err = during(beat, func() error {
		eos, err = client.OpenPolicy(ctx, policy, directory)
		return err
	})
	return eos, err
}
