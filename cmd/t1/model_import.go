package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"t1"
	"t1/library"
)

// importedModel is what `t1 model import --json` prints.
type importedModel struct {
	Model  library.Model `json:"model"`
	Stored bool          `json:"stored"` // false where the same was there already
}

func (t *tool) modelImportCommand() *cobra.Command {
	o := library.ModelOptions{CreatedBy: version}
	var asJSON bool
	c := &cobra.Command{
		Use:   "import PATH|s3://BUCKET/PREFIX --name NAME",
		Short: "Store a pretrained model under a name",
		Long: `import takes a directory in Hugging Face's layout, or a GGUF file, here or in a
bucket. Only safetensors and GGUF are read, never pickles, and no code of a
model is run. The engine's converter makes of it what t1 trains; the same source
makes the same bytes.`,
		Example: `  t1 model import SmolLM2-135M-Instruct --name smollm2
  t1 model import model.Q4_1.gguf --name small
  t1 model import s3://models/qwen2.5-0.5b --name qwen`,
		Args: one("PATH or an s3:// address"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Name == "" {
				return usage(c, "%s needs --name NAME", c.Name())
			}
			return t.modelImport(c.Context(), args[0], o, asJSON)
		},
	}
	jsonFlag(c, &asJSON)
	c.Flags().StringVar(&o.Name, "name", "", "name of the model")
	c.Flags().BoolVar(&o.Replace, "replace", false, "give a name that is taken a new version")
	return c
}

func (t *tool) modelImport(ctx context.Context, source string, o library.ModelOptions, asJSON bool) error {
	if err := library.CheckName(o.Name); err != nil {
		return err
	}
	store, err := t.openStore(ctx)
	if err != nil {
		return err
	}
	if err := t.settings.makeHome(); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(t.settings.cacheDir(), "import-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	model, stored, err := t.convertAndStore(ctx, store, source, scratch, o)
	if ctx.Err() != nil {
		return interrupted()
	}
	if err != nil {
		return err
	}
	return t.tellModel(model, stored, asJSON)
}

func (t *tool) tellModel(model library.Model, stored, asJSON bool) error {
	if asJSON {
		return printJSON(t.out, importedModel{model, stored})
	}
	if !stored {
		fmt.Fprintf(t.out, "%s is there already, the same\n", model.Name)
	}
	t.describeModel(model)
	return nil
}

func (t *tool) convertAndStore(ctx context.Context, store t1.Store, source, scratch string, o library.ModelOptions) (library.Model, bool, error) {
	local, err := t.localSource(ctx, source, filepath.Join(scratch, "source"))
	if err != nil {
		return library.Model{}, false, err
	}
	fmt.Fprintf(t.err, "converting %s\n", source)
	converted := filepath.Join(scratch, "model")
	if err := t.convert(ctx, local, converted); err != nil {
		return library.Model{}, false, err
	}
	if o.Source = source; !isBucket(source) {
		o.Source = filepath.Base(local)
	}
	fmt.Fprintf(t.err, "storing %s\n", o.Name)
	return library.ImportModel(ctx, store, converted, o)
}

// localSource is the path of a model here; one in a bucket is downloaded.
func (t *tool) localSource(ctx context.Context, source, download string) (string, error) {
	if isBucket(source) {
		return t.downloadSource(ctx, source, download)
	}
	if _, err := os.Stat(source); err == nil {
		return filepath.Abs(source)
	}
	if hubName.MatchString(source) {
		return "", t1.Errorf(t1.KindNotFound, "there is no directory %s here, and t1 downloads nothing from a hub", source).
			WithHint("where the hub is reachable: hf download %s --local-dir %s, then t1 model import %s --name NAME", source, path.Base(source), path.Base(source))
	}
	return "", t1.Errorf(t1.KindNotFound, "there is no file or directory %s", source)
}

func isBucket(source string) bool { return strings.HasPrefix(source, "s3://") }

// hubName is the form of a model's name on a hub: organisation/model.
var hubName = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$`)

func (t *tool) downloadSource(ctx context.Context, source, download string) (string, error) {
	address, err := url.Parse(source)
	if err != nil {
		return "", t1.Errorf(t1.KindInvalid, "%q is no address: %w", source, err)
	}
	only := ""
	if path.Ext(address.Path) == ".gguf" {
		address.Path, only = path.Split(address.Path)
	}
	bucket, err := openBucket(ctx, address)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(t.err, "downloading %s\n", source)
	if err := library.FetchSource(ctx, bucket, only, download); err != nil {
		return "", err
	}
	return filepath.Join(download, only), nil
}

// convert has the engine's converter make a model directory.
func (t *tool) convert(ctx context.Context, source, target string) error {
	python, err := t.settings.python()
	if err != nil {
		return err
	}
	directory, err := t.settings.engineDir()
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, python, "-m", "t1_engine.convert", source, target)
	c.Dir = directory
	c.Env = append(os.Environ(), "PYTHONPATH="+directory)
	var said bytes.Buffer
	c.Stderr = &said
	err = c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return convertError(exit.ExitCode(), said.String())
	}
	return err
}

// convertError gives a meaning to how the converter ended; the statuses are its
// own, see engine/t1_engine/convert.py.
func convertError(status int, said string) error {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	last := lines[len(lines)-1]
	switch status {
	case 2:
		return t1.Errorf(t1.KindInvalid, "%s", last).WithHint("t1 model import --help says what can be imported")
	case 3:
		return t1.Errorf(t1.KindNotFound, "%s", last)
	case 5:
		return t1.Errorf(t1.KindDiskFull, "%s", last).WithHint("converting needs room for one more copy of the model, in memory and below T1_HOME/cache")
	case 6:
		return t1.Errorf(t1.KindCorrupt, "%s", last).WithHint("fetch the model again; nothing was stored")
	}
	return t1.Errorf(t1.KindInternal, "the converter ended with status %d: %s", status, last)
}
