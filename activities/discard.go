package activities

import (
	"context"
	"path"

	"t1"
)

// Discard deletes what was made of an iteration that has no record.
func (c *Control) Discard(ctx context.Context, in t1.DiscardInput) (t1.CollectOutput, error) {
	return edge(ctx, func(ctx context.Context, beat beat) (t1.CollectOutput, error) { return c.host.discard(ctx, in, beat) })
}

func (h *Host) discard(ctx context.Context, in t1.DiscardInput, beat beat) (out t1.CollectOutput, err error) {
	if in.Iteration <= t1.PoolIteration {
		return out, t1.Errorf(t1.KindInvalid, "iteration %d cannot be discarded; they count from 1", in.Iteration)
	}
	switch _, made, err := h.found(ctx, in.Run, in.Seq); {
	case err != nil:
		return out, err
	case made: // it names what would go
		return out, t1.Errorf(t1.KindConflict, "record %d of run %s rests on iteration %d: nothing of it is discarded", in.Seq, in.Run, in.Iteration)
	}
	// What names others goes first.
	for _, key := range []string{t1.AdvantagesKey(in.Run, in.Iteration), t1.ScoresKey(in.Run, in.Iteration)} {
		if err := h.discardObject(ctx, key, &out); err != nil {
			return out, err
		}
	}
	return out, h.deleteUnless(ctx, path.Dir(t1.BlockKey(in.Run, in.Iteration, 0, 0)), nil, &out, beat)
}

// discardObject deletes an object that need not be there.
func (h *Host) discardObject(ctx context.Context, key string, out *t1.CollectOutput) error {
	ref, err := h.Store.Head(ctx, key)
	if t1.KindOf(err) == t1.KindNotFound {
		return nil
	}
	if err == nil {
		err = h.Store.Delete(ctx, key)
	}
	if err != nil {
		return err
	}
	out.Objects, out.Bytes = out.Objects+1, out.Bytes+ref.Bytes
	return nil
}
