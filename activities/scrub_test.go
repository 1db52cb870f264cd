package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"t1"
)

// A run of two iterations, whose objects are damaged one after the other.
func TestScrubFindsWhatIsDamaged(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	s := begin(t, h, "run")
	s.choosePool()
	s.iterate(1)
	if _, err := h.snapshot(ctx, t1.SnapshotInput{Run: "run", Seq: s.head.Seq, State: s.head.State}, unheard); err != nil {
		t.Fatal(err)
	}
	s.iterate(2)
	by := map[string]int{}
	keys := map[string]string{}
	if err := Scrub(ctx, h.Store, "run", func(o Scrubbed) { by[o.Against]++; keys[o.Key] = o.Against }); err != nil {
		t.Fatal(err)
	}
	log := wantKeys(t, h.Store, "runs/run/log/")
	blocks := wantKeys(t, h.Store, "runs/run/rollouts/000001/")
	weights := slices.DeleteFunc(wantKeys(t, h.Store, "runs/run/snapshot/"), func(key string) bool { return !strings.HasSuffix(key, ".safetensors") })
	data, err := h.data(ctx, "run")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		log[0]: ByLog, log[len(log)-1]: ByStore, blocks[0]: ByLog, weights[0]: ByManifest, data.HeldOut.Key: ByData, "runs/run/spec.json": ByStore,
	} {
		if keys[key] != want {
			t.Errorf("%s was compared with %q, want %q", key, keys[key], want)
		}
	}
	for _, key := range []string{blocks[0], weights[0], data.HeldOut.Key} {
		whole, err := readNamed(ctx, h.Store, key)
		if err != nil {
			t.Fatal(err)
		}
		turned := bytes.Clone(whole)
		turned[len(turned)/2] ^= 1
		for what, damaged := range map[string][]byte{"turned": turned, "cut": whole[:len(whole)/2], "gone": nil} {
			replace(t, h.Store, key, damaged)
			var wrong []string
			err := Scrub(ctx, h.Store, "run", func(o Scrubbed) {
				if o.Wrong != "" {
					wrong = append(wrong, o.Key)
				}
			})
			if t1.KindOf(err) != t1.KindCorrupt || !strings.Contains(err.Error(), key) || len(wrong) != 1 || wrong[0] != key {
				t.Errorf("%s %s: found %q, %v", key, what, wrong, err)
			}
		}
		replace(t, h.Store, key, whole)
	}
}

// wantKeys lists keys, of which there must be some.
func wantKeys(t *testing.T, store t1.Store, prefix string) []string {
	t.Helper()
	var keys []string
	for ref, err := range store.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, ref.Key)
	}
	if len(keys) == 0 {
		t.Fatalf("nothing below %s", prefix)
	}
	return keys
}

// replace puts other bytes in an object's place; nil removes it.
func replace(t *testing.T, store t1.Store, key string, data []byte) {
	t.Helper()
	if err := store.Delete(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	if data == nil {
		return
	}
	if _, err := store.Create(context.Background(), key, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

// The newest record is changed, so that its replay ends elsewhere: what differs is
// told by metric and tensor.
func TestReplaySaysWhatDiffers(t *testing.T) {
	ctx := context.Background()
	h := newHost(t)
	s := begin(t, h, "run")
	s.choosePool()
	s.iterate(1)
	key := t1.RecordKey("run", s.head.Seq)
	record, err := readJSON[t1.Record](ctx, h.Store, key)
	if err != nil {
		t.Fatal(err)
	}
	record.Update.Hyper.LearningRate *= 2
	changed, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, h.Store, key, changed)
	err = Verify(ctx, h, "run", 0, -1, func(Verified) {})
	if t1.KindOf(err) != t1.KindCorrupt {
		t.Fatalf("verify: %v", err)
	}
	for _, want := range []string{"record 3 of run run", "learning_rate 0.002, in the log 0.001", "40 of 80 tensors differ: policy.model."} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	replace(t, h.Store, t1.ObservedKey("run", record.Seq), []byte("{}"))
	if err := Verify(ctx, h, "run", 0, -1, func(Verified) {}); !strings.Contains(err.Error(), "which tensors differ is not known") {
		t.Errorf("without tensors: %v", err)
	}
}
