package activities

import (
	"context"
	"path"
	"slices"
	"strings"

	"t1"
	"t1/infra/engine"
	"t1/library"
	"t1/lineage"
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
	prompts, err := h.probing(ctx, run)
	if err != nil {
		return err
	}
	if err := asking(client, beat, func() error { return client.Publish(ctx, directory, policy, prompts) }); err != nil {
		return err
	}
	if err := h.firstProbes(ctx, key, directory); err != nil {
		return err
	}
	_, err = uploadDirectory(ctx, h.Store, key, directory, policy, beat)
	return err
}

// modelPlace begins what stands for a run where the policy is an imported model.
const modelPlace = "models/"

// placeOf says where a policy is: a run's name, or an imported model's directory.
func placeOf(in t1.EvaluateInput) string {
	if in.Model != "" {
		return library.ModelKey(in.Model)
	}
	return in.Run
}

// policyKey is the directory of a policy; place is a run's name, or [placeOf] an
// imported model: no run's name has a slash. A run's policy lies below its own
// prefix, or that of a run whose records its log begins with.
func policyKey(ctx context.Context, store t1.Store, place string, policy t1.Digest) (string, error) {
	if strings.HasPrefix(place, modelPlace) {
		return place, nil
	}
	line, err := lineage.Read(ctx, store, place)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(line.Runs(), func(holder string) bool {
		_, missing := store.Head(ctx, path.Join(t1.PolicyKey(holder, policy), t1.ManifestName))
		return missing == nil
	})
	return t1.PolicyKey(line.Runs()[max(0, i)], policy), nil
}

// ready makes the engine's sampler hold a policy and answers the token that
// ends a response.
func (h *Host) ready(ctx context.Context, client *engine.Client, place string, policy t1.Digest, beat beat) (eos int32, err error) {
	err = asking(client, beat, func() error {
		eos, err = client.OpenPolicy(ctx, policy, "")
		return err
	})
	if t1.KindOf(err) != t1.KindNotFound {
		return eos, err
	}
	directory, remove, err := h.scratch()
	if err != nil {
		return 0, err
	}
	defer remove()
	key, err := policyKey(ctx, h.Store, place, policy)
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
	err = asking(client, beat, func() error {
		eos, err = client.OpenPolicy(ctx, policy, directory)
		return err
	})
	return eos, err
}
