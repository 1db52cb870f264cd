package workflows

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Replay is only as good as what a workflow can reach. workflowcheck sees most
// of it; what it misses, files and math/rand/v2 for two, cannot be imported.
func TestOnlyReplayableImports(t *testing.T) {
	allowed := strings.Fields("bytes context encoding/json errors fmt io math slices strconv strings time t1 " +
		"go.temporal.io/api/enums/v1 go.temporal.io/sdk/temporal go.temporal.io/sdk/worker go.temporal.io/sdk/workflow")
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range parsed.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			require.NoError(t, err)
			assert.True(t, slices.Contains(allowed, path), "%s imports %s", file, path)
		}
	}
}
