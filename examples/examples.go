// Package examples holds what the tool needs of the examples when it runs
// elsewhere.
package examples

import _ "embed"

// Prices is prices.yaml.
//
//go:embed prices.yaml
var Prices []byte
