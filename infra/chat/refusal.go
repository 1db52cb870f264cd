package chat

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"t1"
)

// failure is an answer that asks for another try.
type failure struct {
	said  string
	after time.Duration // no sooner; 0 where the server did not say
}

func (f *failure) Error() string { return f.said }

// longestHold bounds what a server may ask for. Past it the request is given
// up, and whoever asked decides.
const longestHold = 15 * time.Minute

// refused makes an error of an answer other than 200.
func (c *Client) refused(response *http.Response, data []byte) error {
	said := fmt.Sprintf("endpoint %q (%s) answered %d %s: %s", c.options.Name, c.options.BaseURL,
		response.StatusCode, http.StatusText(response.StatusCode), c.clean(data))
	if !passing(response.StatusCode) || spent(data) {
		return t1.Errorf(t1.KindInvalid, "%s", said).WithHint("%s", c.advice(response.StatusCode, data))
	}
	f := &failure{said: said, after: retryAfter(response.Header.Get("Retry-After"), time.Now())}
	if f.after > longestHold {
		return t1.Errorf(t1.KindInvalid, "%s, and wants %s of rest", said, f.after).WithHint("resolve it then, or ask for less: requests_per_minute")
	}
	c.pace.hold(f.after)
	return t1.Errorf(t1.KindUnavailable, "%w", f).WithHint("lower concurrency or requests_per_minute, or wait")
}

// passing reports whether a status may be another one the next time.
func passing(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly || status >= 500
}

// spent reports whether an account has no money left: that comes as too many
// requests, and no waiting helps.
func spent(data []byte) bool { return strings.Contains(string(data), "insufficient_quota") }

// advice is what to do about a refusal.
func (c *Client) advice(status int, data []byte) string {
	switch {
	case spent(data) || status == http.StatusPaymentRequired:
		return "pay the account, then resolve the parked synthesis"
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && c.options.KeyName == "":
		return "name the variable with the key in api_key_env of the endpoint"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fmt.Sprintf("put a valid key into %s where the worker of %s is started, start it again, then resolve the parked synthesis", c.options.KeyName, t1.QueueSynthesize)
	case status == http.StatusNotFound || status/100 == 3:
		return "check base_url and model of the endpoint"
	}
	return "check model, max_tokens, tokens_field and temperature of the endpoint, or pass over the problem with skip if it is too long"
}

func (c *Client) noKey() error {
	return t1.Errorf(t1.KindInvalid, "endpoint %q needs a key, and the worker's environment has no %s", c.options.Name, c.options.KeyName).
		WithHint("set %s where the worker of %s is started, start it again, then resolve the parked synthesis", c.options.KeyName, t1.QueueSynthesize)
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && seconds >= 0 && seconds < 1e6 {
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// clean is what a server said, as it can stand in a sentence.
func (c *Client) clean(data []byte) string {
	const most = 300
	var wrapped struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
		Message string `json:"message"`
	}
	said := string(data)
	if json.Unmarshal(data, &wrapped) == nil && wrapped.Error.Message+wrapped.Message != "" {
		said = wrapped.Error.Message + wrapped.Message
	}
	said = strings.Join(strings.Fields(c.scrub(said)), " ")
	if said == "" {
		return "nothing more"
	}
	if len(said) > most {
		said = strings.ToValidUTF8(said[:most], "") + "..."
	}
	return said
}

// scrub takes the key out of what a server, or the network, said back.
func (c *Client) scrub(said string) string {
	if c.options.Key == "" {
		return said
	}
	return strings.ReplaceAll(said, c.options.Key, "[key]")
}
