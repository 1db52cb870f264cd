package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"t1"
)

func createAndRead(t *testing.T, s t1.Store) {
	for _, key := range []string{"plain", "runs/demo/log/00000001.json", "runs/dé mo/a+b&c=d%20?.json", "runs/demo/..hidden"} {
		ref := mustCreate(t, s, key, "text of "+key)
		text, err := read(t.Context(), s, ref)
		if err != nil || text != "text of "+key {
			t.Errorf("%s: read %q, %v", key, text, err)
		}
	}
}

// sizes covers the borders: nothing, and more than any adapter sends at once.
func sizes(t *testing.T, s t1.Store) {
	big := make([]byte, 32<<20)
	rand.NewChaCha8([32]byte{1}).Read(big)
	for name, text := range map[string]string{"empty": "", "one": "x", "big": string(big)} {
		ref := mustCreate(t, s, "sizes/"+name, text)
		got, err := read(t.Context(), s, ref)
		if err != nil || got != text {
			t.Errorf("%s: read %d bytes, %v", name, len(got), err)
		}
		// A reader that is no seeker, with small reads, makes the same object.
		stream := iotest.HalfReader(io.MultiReader(strings.NewReader(text)))
		streamed, err := s.Create(t.Context(), "streamed/"+name, stream)
		if err != nil || streamed.SHA256 != ref.SHA256 || streamed.Bytes != ref.Bytes {
			t.Errorf("%s streamed: %+v, %v", name, streamed, err)
		}
	}
}

func createOnce(t *testing.T, s t1.Store) {
	ref := mustCreate(t, s, "runs/a/spec.json", "first")
	for _, text := range []string{"second", "first"} {
		_, err := s.Create(t.Context(), ref.Key, strings.NewReader(text))
		wantKind(t, "create again", err, t1.KindConflict)
		if err == nil || !strings.Contains(err.Error(), ref.Key) {
			t.Errorf("the conflict does not name its key: %v", err)
		}
	}
	if text, err := read(t.Context(), s, ref); err != nil || text != "first" {
		t.Errorf("after the conflict: %q, %v", text, err)
	}
}

func racingCreators(t *testing.T, s t1.Store) {
	const creators = 20
	refs, errs := make([]t1.Ref, creators), make([]error, creators)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range creators {
		wg.Go(func() {
			<-start
			text := bytes.Repeat([]byte{byte('a' + i)}, 10_000)
			refs[i], errs[i] = s.Create(t.Context(), "runs/race/log/00000001.json", bytes.NewReader(text))
		})
	}
	close(start)
	wg.Wait()
	winners := 0
	for i, err := range errs {
		if err != nil {
			wantKind(t, fmt.Sprintf("creator %d", i), err, t1.KindConflict)
			continue
		}
		winners++
		if text, err := read(t.Context(), s, refs[i]); err != nil || text[0] != byte('a'+i) {
			t.Errorf("the winner's object: %.10q, %v", text, err)
		}
	}
	if winners != 1 {
		t.Errorf("%d of %d creators won", winners, creators)
	}
	wantKeys(t, s, "", "runs/race/log/00000001.json")
}

func readerFails(t *testing.T, s t1.Store) {
	broken := errors.New("the source broke")
	for _, size := range []int{0, 1000, 20 << 20} {
		r := io.MultiReader(bytes.NewReader(make([]byte, size)), iotest.ErrReader(broken))
		if _, err := s.Create(t.Context(), "runs/a/half", r); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", size, err)
		}
	}
	_, err := s.Head(t.Context(), "runs/a/half")
	wantKind(t, "head", err, t1.KindNotFound)
	wantKeys(t, s, "")
	mustCreate(t, s, "runs/a/half", "whole")
}

func cancelled(t *testing.T, s t1.Store) {
	ref := mustCreate(t, s, "here", "text")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	check := func(what string, err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := s.Create(ctx, "there", strings.NewReader("text"))
	check("create", err)
	_, err = read(ctx, s, ref)
	check("read", err)
	_, err = s.Head(ctx, ref.Key)
	check("head", err)
	check("delete", s.Delete(ctx, ref.Key))
	err = nil
	for _, err = range s.List(ctx, "") {
		break
	}
	check("list", err)
	wantKeys(t, s, "", "here")

	// Cancelled half-way, a creation leaves nothing.
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	half := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), onRead(cancel), bytes.NewReader(make([]byte, 1<<20)))
	_, err = s.Create(ctx, "half", half)
	check("create half", err)
	wantKeys(t, s, "", "here")
}

// onRead is a reader of nothing that calls f when it is reached.
type onRead func()

func (f onRead) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}
