package dir

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"t1"
)

const killedStore = "T1_TEST_KILLED_STORE"

// TestKilledWriter kills a writer with SIGKILL again and again. What it was
// told is stored must be there, what is there must be whole.
func TestKilledWriter(t *testing.T) {
	if path := os.Getenv(killedStore); path != "" {
		writeForEver(path)
	}
	root := t.TempDir()
	acknowledged, spooled := 0, 0
	for round := range 6 {
		stored := killWriter(t, root, time.Duration(10+round*8)*time.Millisecond)
		acknowledged += len(stored)
		left, _ := os.ReadDir(filepath.Join(root, spool))
		spooled += len(left)
		s := open(t, root)
		for _, key := range stored {
			if err := readAll(t, s, refOf(key)); err != nil {
				t.Errorf("stored, then lost: %v", err)
			}
		}
		for ref, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			if err := readAll(t, s, refOf(ref.Key)); err != nil {
				t.Errorf("half an object is seen: %v", err)
			}
		}
		if left, err := os.ReadDir(filepath.Join(root, spool)); err != nil || len(left) > 0 {
			t.Errorf("not swept: %v, %v", left, err)
		}
	}
	if acknowledged == 0 || spooled == 0 {
		t.Errorf("the test shows nothing: %d objects stored, %d writes cut short", acknowledged, spooled)
	}
	t.Logf("%d objects stored, %d writes cut short", acknowledged, spooled)
}

// killWriter runs a writer, kills it some time after its first object and
// returns the keys that it said are stored.
func killWriter(t *testing.T, root string, after time.Duration) []string {
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	cmd.Env = append(os.Environ(), killedStore+"="+root)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var stored []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if key, ok := strings.CutPrefix(lines.Text(), "stored "); ok {
			stored = append(stored, key)
		}
		if len(stored) == 1 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	return stored
}

func writeForEver(path string) {
	s, err := New(path)
	if err != nil {
		panic(err)
	}
	for {
		key := fmt.Sprintf("runs/%d/%d", os.Getpid(), rand.Int64())
		if _, err := s.Create(context.Background(), key, contents(key)); err != nil {
			panic(err)
		}
		fmt.Println("stored", key)
	}
}

// contents is 1 MiB that follow from the key.
func contents(key string) io.Reader {
	seed := sha256.Sum256([]byte(key))
	return io.LimitReader(rand.NewChaCha8(seed), 1<<20)
}

func refOf(key string) t1.Ref {
	hash := sha256.New()
	n, _ := io.Copy(hash, contents(key))
	return t1.Ref{Key: key, SHA256: hex.EncodeToString(hash.Sum(nil)), Bytes: n}
}
