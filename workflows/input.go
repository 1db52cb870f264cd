package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"t1"
)

// strictly decodes exactly one JSON object and refuses keys it does not know.
func strictly(in json.RawMessage, into any) error {
	if len(in) == 0 {
		return errors.New("the input is missing")
	}
	decoder := json.NewDecoder(bytes.NewReader(in))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// parseSteering reads the input of the set update; all mistakes at once.
func parseSteering(in json.RawMessage) (t1.Steering, error) {
	var s t1.Steering
	if err := strictly(in, &s); err != nil {
		return s, refuse("%s: %s; known are learning_rate, temperature, beta, alpha, evaluate_every and gap_limit", t1.UpdateSet, err)
	}
	if s == (t1.Steering{}) {
		return s, refuse("%s names nothing to change: learning_rate, temperature, beta, alpha, evaluate_every or gap_limit", t1.UpdateSet)
	}
	var wrong []string
	check := func(name string, value *float64, ok func(float64) bool, allowed string) {
		if value != nil && !ok(*value) {
			wrong = append(wrong, fmt.Sprintf("%s is %g, must be %s", name, *value, allowed))
		}
	}
	check("learning_rate", s.LearningRate, func(v float64) bool { return v > 0 }, "above 0")
	check("temperature", s.Temperature, func(v float64) bool { return v > 0 && v <= 2 }, "above 0 and at most 2")
	check("beta", s.Beta, func(v float64) bool { return v >= 0 }, "at least 0")
	check("alpha", s.Alpha, func(v float64) bool { return v >= 0 }, "at least 0")
	check("gap_limit", s.GapLimit, func(v float64) bool { return v >= 0 }, "at least 0")
	if s.EvaluateEvery != nil && *s.EvaluateEvery < 0 {
		wrong = append(wrong, fmt.Sprintf("evaluate_every is %d, must be at least 0", *s.EvaluateEvery))
	}
	if len(wrong) > 0 {
		return s, refuse("%s: %s", t1.UpdateSet, strings.Join(wrong, "; "))
	}
	return s, nil
}

func parseResolution(in json.RawMessage) (t1.Resolution, error) {
	var given t1.Resolution
	if err := strictly(in, &given); err != nil {
		return given, refuse(`%s: %s; give {"action":"retry"}, "resample", "skip" or "abort"`, t1.UpdateResolve, err)
	}
	switch given.Action {
	case actionRetry, actionResample, actionSkip, actionAbort:
		return given, nil
	}
	return given, refuse("%s: action is %q, must be %s, %s, %s or %s", t1.UpdateResolve, given.Action, actionRetry, actionResample, actionSkip, actionAbort)
}
