//go:build ignore

// gen_spec writes spec_default.yaml: t1.DefaultSpec with the docs of the fields
// in ../../spec.go as comments.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"reflect"
	"strconv"
	"strings"

	"t1"
)

const head = `# The default spec of t1: the T1 recipe as published where it says what to do,
# with a small model and game. Made from spec.go by make generate.
# P: the paper. C: the authors' sibling code. D: ours.
`

func main() {
	docs, err := fieldDocs("../../spec.go")
	if err != nil {
		log.Fatal(err)
	}
	var out strings.Builder
	out.WriteString(head)
	write(&out, docs, reflect.ValueOf(t1.DefaultSpec()), "")
	if err := os.WriteFile("spec_default.yaml", []byte(out.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}

// fieldDocs maps "Type" and "Type.Field" to their comments.
func fieldDocs(path string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	docs := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		declaration, ok := n.(*ast.GenDecl)
		if !ok || declaration.Tok != token.TYPE {
			return true
		}
		spec := declaration.Specs[0].(*ast.TypeSpec)
		if record, ok := spec.Type.(*ast.StructType); ok {
			docs[spec.Name.Name] = oneLine(declaration.Doc)
			for _, field := range record.Fields.List {
				docs[spec.Name.Name+"."+field.Names[0].Name] = oneLine(field.Comment)
			}
		}
		return false
	})
	return docs, nil
}

func oneLine(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }

func write(out *strings.Builder, docs map[string]string, v reflect.Value, indent string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, doc := field.Tag.Get("json"), docs[v.Type().Name()+"."+field.Name]
		if field.Type.Kind() == reflect.Struct {
			if doc == "" {
				// "TaskSpec chooses what is learnt." without its subject.
				_, doc, _ = strings.Cut(docs[field.Type.Name()], " ")
				doc, _, _ = strings.Cut(doc, "; see [")
				doc = strings.TrimSuffix(strings.TrimPrefix(doc, "is "), ".")
			}
			fmt.Fprintf(out, "%s%s: # %s\n", indent, name, doc)
			write(out, docs, v.Field(i), indent+"  ")
			continue
		}
		line := indent + name + ": " + valueOf(v.Field(i))
		if doc != "" {
			line += " # " + doc
		}
		fmt.Fprintln(out, line)
	}
}

// valueOf writes a value as YAML, small numbers as people do.
func valueOf(v reflect.Value) string {
	if v.Kind() == reflect.Float64 && v.Float() != 0 && v.Float() < 1e-3 {
		return strings.Replace(strconv.FormatFloat(v.Float(), 'e', -1, 64), "e-0", "e-", 1)
	}
	value, err := json.Marshal(v.Interface())
	if err != nil {
		log.Fatal(err)
	}
	return strings.ReplaceAll(string(value), ",", ", ")
}
