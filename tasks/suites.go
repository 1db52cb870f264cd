package tasks

import (
	"slices"

	"t1"
)

// Suite is a public benchmark that policies are measured on. Its problems are a
// data set of the same name, which a person imports: t1 ships none.
type Suite struct {
	Name        string // of the suite, and of its data set
	Dataset     string // digest of the data set; empty: the newest of the name
	Title       string
	Task        string   // who grades: Number, Choice or Math
	Instruction string   // what the model is asked, with the problem in place of {question}
	Cue         string   // text after which a response states its answer
	Problems    int      // rows of the set as it is published
	Source      string   // where it comes from, and its licence
	Choices     []string // fields of the source with wrong answers; see library.ImportOptions
}

const (
	stepByStep = "{question}\nPlease reason step by step, and put your final answer within \\boxed{}."
	chooseOne  = "{question}\n\nPlease reason step by step, and put the letter of your final answer within \\boxed{}."
	box        = `\boxed{`
)

// suites is the table; docs/evaluation.md has it for people.
var suites = []Suite{
	{Name: "math500", Title: "MATH500", Task: Math, Instruction: stepByStep, Cue: box, Problems: 500,
		Source: "Lightman et al. 2023, 500 test problems of MATH (Hendrycks et al. 2021); MIT"},
	{Name: "aime24", Title: "AIME 2024", Task: Number, Instruction: stepByStep, Cue: box, Problems: 30,
		Source: "American Invitational Mathematics Examination 2024, I and II; problems by the MAA"},
	{Name: "gsm8k-test", Title: "GSM8K", Task: Number, Instruction: stepByStep, Cue: box, Problems: 1319,
		Source: "Cobbe et al. 2021, the test split; MIT"},
	{Name: "omni-math-500", Title: "Omni-MATH-500", Task: Math, Instruction: stepByStep, Cue: box, Problems: 500,
		Source: "Gao et al. 2024, a sample of 500; Apache 2.0"},
	{Name: "gpqa", Title: "GPQA diamond", Task: Choice, Instruction: chooseOne, Cue: box, Problems: 198,
		Source:  "Rein et al. 2023; CC BY 4.0, and its authors ask that no example is shown on the web",
		Choices: []string{"Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3"}},
}

// Suites lists the suites that t1 knows.
func Suites() []Suite { return slices.Clone(suites) }

// KnownSuite finds a suite by its name.
func KnownSuite(name string) (Suite, bool) {
	i := slices.IndexFunc(suites, func(s Suite) bool { return s.Name == name })
	if i < 0 {
		return Suite{}, false
	}
	return suites[i], true
}

// SuiteOf is a suite of any imported data set, graded as a task is. A task that
// cannot grade one is KindInvalid.
func SuiteOf(dataset, task string) (Suite, error) {
	instruction := map[string]string{Number: stepByStep, Math: stepByStep, Choice: chooseOne}[task]
	if instruction == "" {
		return Suite{}, t1.Errorf(t1.KindInvalid, `a suite is graded by "number", "choice" or "math", not by %q`, task)
	}
	return Suite{Name: dataset, Title: dataset, Task: task, Instruction: instruction, Cue: box}, nil
}

// Spec is the task of a suite, for [Grader].
func (s Suite) Spec() t1.TaskSpec {
	return t1.TaskSpec{Name: s.Task, Data: t1.DataSpec{Instruction: s.Instruction, Cue: s.Cue}}
}
