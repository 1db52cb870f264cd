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
	var revision string
	c := &cobra.Command{
		Use:   "import PATH|s3://BUCKET/PREFIX|HUB/NAME --name NAME",
		Short: "Store a pretrained model under a name",
		Long: `import takes a directory in Hugging Face's layout, or a GGUF file, here or in a
bucket, or a model's name on a hub where one is reachable (HF_ENDPOINT, HF_TOKEN):
what is here comes first, and a hub's commit is kept as the source. Only
safetensors and GGUF are read, never pickles, and no code of a model is run. The
engine's converter makes of it what t1 trains; the same source makes the same bytes.`,
		Example: `  t1 model import SmolLM2-135M-Instruct --name smollm2
  t1 model import model.Q4_1.gguf --name small
  t1 model import s3://models/qwen2.5-0.5b --name qwen
  t1 model import Qwen/Qwen2.5-14B --name qwen-14b`,
		Args: one("PATH, an s3:// address or a hub's name"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Name == "" {
				return usage(c, "%s needs --name NAME", c.Name())
			}
			return t.modelImport(c.Context(), args[0], revision, o, asJSON)
		},
	}
	jsonFlag(c, &asJSON, "data.md")
	c.Flags().StringVar(&o.Name, "name", "", "name of the model, required")
	c.Flags().StringVar(&revision, "revision", "main", "branch, tag or commit of a model on a hub")
	c.Flags().BoolVar(&o.Replace, "replace", false, "give a name that is taken a new version")
	return c
}

func (t *tool) modelImport(ctx context.Context, source, revision string, o library.ModelOptions, asJSON bool) error {
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
	model, stored, err := t.convertAndStore(ctx, store, source, revision, scratch, o)
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

func (t *tool) convertAndStore(ctx context.Context, store t1.Store, source, revision, scratch string, o library.ModelOptions) (library.Model, bool, error) {
	local, origin, err := t.localSource(ctx, source, revision, filepath.Join(scratch, "source"))
	if err != nil {
		return library.Model{}, false, err
	}
	fmt.Fprintf(t.err, "converting %s\n", source)
	converted := filepath.Join(scratch, "model")
	if err := t.convert(ctx, local, converted); err != nil {
		return library.Model{}, false, err
	}
	o.Source = origin
	fmt.Fprintf(t.err, "storing %s\n", o.Name)
	return library.ImportModel(ctx, store, converted, o)
}

// localSource is the path of a model here, and what its record says of where it
// came from; one in a bucket or on a hub is downloaded. What is here comes first.
func (t *tool) localSource(ctx context.Context, source, revision, download string) (local, origin string, err error) {
	if isBucket(source) {
		local, err = t.downloadSource(ctx, source, download)
		return local, source, err
	}
	if _, err := os.Stat(source); err == nil {
		local, err := filepath.Abs(source)
		return local, filepath.Base(local), err
	}
	if hubName.MatchString(source) {
		origin, err = t.fetchHub(ctx, source, revision, download)
		return download, origin, err
	}
	return "", "", t1.Errorf(t1.KindNotFound, "there is no file or directory %s", source)
}

func isBucket(source string) bool { return strings.HasPrefix(source, "s3://") }

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
