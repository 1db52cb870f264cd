package report

import (
	"embed"
	"html/template"
	"io"

	"t1/report/chart"
)

//go:embed templates
var files embed.FS

var layout = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"chart": chart.Chart.HTML,
	"style": style,
}).ParseFS(files, "templates/*.html"))

// style is the page's style sheet, which stands in the page itself.
func style() (template.CSS, error) {
	data, err := files.ReadFile("templates/style.css")
	return template.CSS(data), err // ours, not a model's
}

// view is the page's sections, in order.
type view struct {
	Headline    headline
	Comparison  *comparison
	Progression []chart.Chart
	Scaling     *scaling
	Learning    learning
	Log         logTable
	Timing      timing
	Examples    []shownExample
	Recipe      []recipeGroup
	Identity    identity
	Tool        string
	MadeAt      string
}

// Write makes a report: one HTML file that loads nothing. The same input makes
// the same bytes. An input with no data makes a page that says so.
func Write(w io.Writer, in Input) error {
	recipe, err := newRecipe(in.Spec)
	if err != nil {
		return err
	}
	v := view{
		Headline: newHeadline(in), Comparison: newComparison(in), Scaling: newScaling(in), Learning: newLearning(in), Log: newLogTable(in),
		Timing: newTiming(in), Examples: newExamples(in), Recipe: recipe, Identity: newIdentity(in), Tool: in.Tool, MadeAt: in.MadeAt,
	}
	for _, c := range []chart.Chart{newProgression(in), newLengths(in)} {
		if !c.Empty() {
			v.Progression = append(v.Progression, c)
		}
	}
	return layout.Execute(w, v)
}
