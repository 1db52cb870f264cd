package t1

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// SynthesisSpec says how initialisation data is made. How many attempts and
// which models is unpublished: every default is ours (D).
type SynthesisSpec struct {
	Version   int             `json:"version"`    // 1
	Problems  string          `json:"problems"`   // a JSONL file with id, question and answer, or dataset:NAME, or dataset:SHA256
	Prompts   string          `json:"prompts"`    // directory of attempt.md, critique.md, merge.md and rewrite.md
	Endpoints []EndpointSpec  `json:"endpoints"`  //
	Roles     SynthesisRoles  `json:"roles"`      //
	Budget    float64         `json:"budget"`     // money, in the currency of the prices; 0 means no limit
	Width     int             `json:"width"`      // problems at once
	PerFlow   int             `json:"per_flow"`   // problems before the workflow continues as new
	Grader    string          `json:"grader"`     // "number", "choice" or "math", as of a task
	AnswerCue string          `json:"answer_cue"` // what a kept response states its answer after, beside \boxed{}
	Checks    SynthesisChecks `json:"checks"`
}

// EndpointSpec is a model behind an OpenAI-compatible server.
type EndpointSpec struct {
	Name              string  `json:"name"`
	BaseURL           string  `json:"base_url"`            // up to and without /chat/completions
	Model             string  `json:"model"`               //
	APIKeyEnv         string  `json:"api_key_env"`         // variable of the worker's environment that holds the key; empty sends none
	Temperature       float64 `json:"temperature"`         // -1 leaves it to the server
	Attempts          int     `json:"attempts"`            // at each problem; 0 for a model that only has a role
	MaxTokens         int     `json:"max_tokens"`          // longest reply
	TokensField       string  `json:"tokens_field"`        // under which name MaxTokens is sent
	Concurrency       int     `json:"concurrency"`         // requests at once, of one worker
	RequestsPerMinute int     `json:"requests_per_minute"` // of one worker; 0 means no limit
	TimeoutSeconds    int     `json:"timeout_seconds"`     // for one request
	PriceIn           float64 `json:"price_in"`            // money a million prompt tokens
	PriceOut          float64 `json:"price_out"`           // money a million completion tokens
}

// SynthesisRoles names the endpoints of the steps after the attempts.
type SynthesisRoles struct {
	Critique string `json:"critique"`
	Merge    string `json:"merge"`
	Rewrite  string `json:"rewrite"`
}

// SynthesisChecks is what a response must be to be kept.
type SynthesisChecks struct {
	WrongAttempt string   `json:"wrong_attempt"` // "none", "made" or "shown"; see docs/synthesis.md
	Trial        []string `json:"trial"`         // phrases of trial and error, at least one of which must occur; none switches the check off
	Verification []string `json:"verification"`  // phrases of self-verification, likewise
	Forbidden    []string `json:"forbidden"`     // phrases that must not occur
	MinChars     int      `json:"min_chars"`     // characters
	MaxChars     int      `json:"max_chars"`     // characters; 0 means no limit
}

// DefaultSynthesisSpec is a spec but for problems, endpoints and roles.
func DefaultSynthesisSpec() SynthesisSpec {
	return SynthesisSpec{
		Version: 1, Prompts: "prompts", Width: 8, PerFlow: 400, Grader: "number", AnswerCue: "Answer:",
		Checks: SynthesisChecks{
			WrongAttempt: "made",
			Trial: []string{
				"wait", "hmm", "mistake", "wrong", "incorrect", "not right", "cannot be right", "try again", "another approach",
				"does not work", "doesn't work", "reconsider", "go back", "error",
			},
			Verification: []string{
				"verify", "verifying", "verified", "verification", "check", "checking", "double-check", "confirm", "confirms", "make sure", "substitute", "substituting",
			},
			Forbidden: []string{"attempt 1", "attempt 2", "attempt 3", "attempt 4", "the attempts", "the critique", "reference answer"},
			MinChars:  200, MaxChars: 60000,
		},
	}
}

// DefaultEndpoint is an endpoint but for its name, base_url and model.
func DefaultEndpoint() EndpointSpec {
	return EndpointSpec{Temperature: 1, MaxTokens: 4096, TokensField: "max_tokens", Concurrency: 4, TimeoutSeconds: 600}
}

// Endpoint finds an endpoint by name.
func (s SynthesisSpec) Endpoint(name string) (EndpointSpec, bool) {
	i := slices.IndexFunc(s.Endpoints, func(e EndpointSpec) bool { return e.Name == name })
	if i < 0 {
		return EndpointSpec{}, false
	}
	return s.Endpoints[i], true
}

// synthesisRules is the rule of every field; [] stands for any element.
var synthesisRules = []Rule{
	whole("version", between(1, 1), "D", "of the spec's format"),
	text("problems", "the path of a JSONL file, or dataset: and the name or digest of an imported data set", "problems to make data for", notEmpty),
	text("prompts", "the path of a directory", "attempt.md, critique.md, merge.md and rewrite.md", notEmpty),
	text("endpoints[].name", "letters, digits, '.', '_' and '-'", "as the roles and reports call it", endpointName.MatchString),
	text("endpoints[].base_url", "an http or https address without user, query or fragment, such as https://host/v1", "of the server", isBaseURL),
	text("endpoints[].model", "the model's name", "as the server knows it", notEmpty),
	text("endpoints[].api_key_env", `the name of an environment variable that ends in API_KEY, or ""`, "where the worker finds the key; never the key itself", isKeyVariable),
	{
		Field: "endpoints[].temperature", Type: "number", Allowed: "-1 or a number from 0 to 2", Source: "D", Doc: "of sampling; -1 leaves it to the server",
		holds: func(v any) bool { t := v.(float64); return t == -1 || between(0, 2).holds(t) },
	},
	whole("endpoints[].attempts", between(0, 64), "D", "at each problem; 0 for a model that only has a role"),
	whole("endpoints[].max_tokens", atLeast(1), "D", "longest reply"),
	choice("endpoints[].tokens_field", "D", "under which name max_tokens is sent", "max_tokens", "max_completion_tokens"),
	whole("endpoints[].concurrency", between(1, 1024), "D", "requests at once, of one worker"),
	whole("endpoints[].requests_per_minute", atLeast(0), "D", "of one worker; 0 means no limit"),
	whole("endpoints[].timeout_seconds", between(1, 3600), "D", "for one request"),
	number("endpoints[].price_in", atLeast(0), "D", "money a million prompt tokens"),
	number("endpoints[].price_out", atLeast(0), "D", "money a million completion tokens"),
	text("roles.critique", "the name of an endpoint", "criticises every attempt", notEmpty),
	text("roles.merge", "the name of an endpoint", "merges attempts and critiques", notEmpty),
	text("roles.rewrite", "the name of an endpoint", "rewrites the merge", notEmpty),
	number("budget", atLeast(0), "D", "money; 0 means no limit"),
	whole("width", between(1, 256), "D", "problems at once"),
	whole("per_flow", between(1, 1000), "D", "problems before the workflow continues as new"),
	choice("grader", "D", "who judges responses, as of a task", "number", "choice", "math"),
	text("answer_cue", "text", "what a response states its answer after", notEmpty),
	choice("checks.wrong_attempt", "D", "whether a wrong attempt must have been made, or its answer shown in the response", "none", "made", "shown"),
	texts("checks.trial", "phrases of trial and error"),
	texts("checks.verification", "phrases of self-verification"),
	texts("checks.forbidden", "phrases that must not occur"),
	whole("checks.min_chars", atLeast(0), "D", "characters"),
	whole("checks.max_chars", atLeast(0), "D", "characters; 0 means no limit"),
}

var (
	endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	keyVariable  = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)
)

func notEmpty(s string) bool { return strings.TrimSpace(s) != "" }

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// isKeyVariable keeps a spec from sending what else is in a worker's
// environment to an address of its choice, and a key from being pasted into it.
func isKeyVariable(s string) bool {
	return s == "" || keyVariable.MatchString(s) && strings.HasSuffix(s, "API_KEY") && !strings.HasPrefix(s, "TEMPORAL_")
}

// synthesisFits checks what no field shows by itself.
func synthesisFits(s SynthesisSpec, wrong map[string]bool) []Mistake {
	var found []Mistake
	seen, attempts := map[string]bool{}, 0
	for i, e := range s.Endpoints {
		if e.Name != "" && seen[e.Name] {
			found = append(found, Mistake{fmt.Sprintf("endpoints[%d].name", i), asJSON(e.Name), "a name that no other endpoint has"})
		}
		seen[e.Name] = true
		attempts += e.Attempts
	}
	if attempts == 0 && !wrong["endpoints"] {
		found = append(found, Mistake{"endpoints", "no attempts", "at least one endpoint with attempts of at least 1"})
	}
	for field, name := range map[string]string{"roles.critique": s.Roles.Critique, "roles.merge": s.Roles.Merge, "roles.rewrite": s.Roles.Rewrite} {
		if !wrong[field] && !seen[name] {
			found = append(found, Mistake{field, asJSON(name), "the name of an endpoint"})
		}
	}
	if c := s.Checks; c.MaxChars > 0 && c.MaxChars < c.MinChars {
		found = append(found, Mistake{"checks.max_chars", fmt.Sprint(c.MaxChars), fmt.Sprintf("at least checks.min_chars, %d, or 0", c.MinChars)})
	}
	slices.SortStableFunc(found, func(a, b Mistake) int { return strings.Compare(a.Field, b.Field) })
	return found
}
