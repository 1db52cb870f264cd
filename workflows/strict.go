package workflows

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
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
