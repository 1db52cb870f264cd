package report

import (
	"os"
	"testing"
)

// TestPicture writes the pages to look at, where T1_REPORT_DIR says so.
func TestPicture(t *testing.T) {
	dir := os.Getenv("T1_REPORT_DIR")
	if dir == "" {
		t.Skip("T1_REPORT_DIR is not set")
	}
	partial := fakeInput(40)
	partial.Records, partial.Results, partial.Phase = partial.Records[:25], partial.Results[:1], ""
	for name, in := range map[string]Input{"full": fakeInput(40), "long": fakeInput(1000), "partial": partial, "empty": {Run: "empty", Spec: partial.Spec}} {
		f, err := os.Create(dir + "/" + name + ".html")
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(f, in); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
