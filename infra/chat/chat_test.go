package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"t1"
)

// turn is what the scripted endpoint does with one request.
type turn func(w http.ResponseWriter, r *http.Request)

func says(text string) turn {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"model":"m-1","choices":[{"message":{"content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3}}`, text)
	}
}

func fails(status int, body string, header ...string) turn {
	return func(w http.ResponseWriter, _ *http.Request) {
		if len(header) == 2 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// cuts ends the connection in the middle of an answer.
func cuts(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	fmt.Fprint(w, `{"choices":[`)
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// script serves one turn a request, and the last one for ever.
func script(t *testing.T, turns ...turn) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(served.Add(1))
		turns[min(n, len(turns))-1](w, r)
	}))
	t.Cleanup(server.Close)
	return server, &served
}

var question = Request{Model: "m", Prompt: "2+2?", Temperature: 0.5, MaxTokens: 64}

func TestAskSendsWhatIsDocumented(t *testing.T) {
	var path, key string
	var body map[string]any
	server, _ := script(t, func(w http.ResponseWriter, r *http.Request) {
		path, key = r.URL.Path, r.Header.Get("Authorization")
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &body); err != nil {
			t.Error(err)
		}
		says("4")(w, r)
	})
	got, err := New(Options{Name: "e", BaseURL: server.URL + "/v1/", Key: "k", KeyName: "E_API_KEY"}).Ask(context.Background(), question)
	want := Reply{Text: "4", Finish: "stop", Model: "m-1", TokensIn: 7, TokensOut: 3}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if path != "/v1/chat/completions" || key != "Bearer k" || body["max_tokens"] != 64.0 || body["temperature"] != 0.5 || body["model"] != "m" {
		t.Errorf("sent to %s with %q: %v", path, key, body)
	}
	other := Request{Model: "m", Prompt: "p", Temperature: -1, MaxTokens: 5, TokensField: "max_completion_tokens"}
	if got := string(other.Body()); got != `{"max_completion_tokens":5,"messages":[{"role":"user","content":"p"}],"model":"m"}` {
		t.Errorf("body %s", got)
	}
}

// What may pass is asked again, and the answer is the one of the last try.
func TestAskTriesAgain(t *testing.T) {
	tests := []struct {
		name  string
		turns []turn
		tries int64
	}{
		{"too many requests", []turn{fails(429, `{"error":{"message":"slow down"}}`), says("4")}, 2},
		{"faults of the server", []turn{fails(500, "oops"), fails(503, ""), fails(502, "<html>"), says("4")}, 4},
		{"a cut connection", []turn{cuts, cuts, says("4")}, 3},
		{"no chat completion", []turn{fails(200, "<html>welcome</html>"), says("4")}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, served := script(t, test.turns...)
			got, err := New(Options{Name: "e", BaseURL: server.URL, Backoff: time.Millisecond}).Ask(context.Background(), question)
			if err != nil || got.Text != "4" || served.Load() != test.tries {
				t.Errorf("got %+v, %v after %d tries, want %d", got, err, served.Load(), test.tries)
			}
		})
	}
}

// A server that says when to come back is not asked before, by nobody.
func TestAskWaitsAsLongAsTheServerSays(t *testing.T) {
	server, _ := script(t, fails(429, "", "Retry-After", "1"), says("4"))
	client := New(Options{Name: "e", BaseURL: server.URL, Backoff: time.Millisecond})
	began := time.Now()
	first := make(chan error)
	go func() { _, err := client.Ask(context.Background(), question); first <- err }()
	time.Sleep(200 * time.Millisecond)
	if _, err := client.Ask(context.Background(), question); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < time.Second || took > 5*time.Second {
		t.Errorf("a second request was sent after %v", took)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestAskGivesUpWithASentence(t *testing.T) {
	tests := []struct {
		name      string
		key, from string
		turn      turn
		tries     int64
		kind      t1.Kind
		says      []string
		hint      string
	}{
		{"wrong key", "sk-planted", "E_API_KEY", fails(401, `{"error":{"message":"Incorrect API key provided: sk-planted"}}`), 1, t1.KindInvalid,
			[]string{`endpoint "e"`, "401 Unauthorized", "Incorrect API key provided: [key]"}, "E_API_KEY"},
		{"no key named", "", "", fails(401, "who are you"), 1, t1.KindInvalid, []string{"401 Unauthorized: who are you"}, "api_key_env"},
		{"no key there", "", "E_API_KEY", says("4"), 0, t1.KindInvalid, []string{`endpoint "e" needs a key`, "no E_API_KEY"}, "set E_API_KEY"},
		{"bad request", "", "", fails(400, `{"error":{"message":"max_tokens is too large"}}`), 1, t1.KindInvalid, []string{"400 Bad Request: max_tokens is too large"}, "max_tokens"},
		{"unknown model", "", "", fails(404, `{"message":"no such model"}`), 1, t1.KindInvalid, []string{"404 Not Found: no such model"}, "base_url and model"},
		{"redirect", "sk-planted", "E_API_KEY", fails(302, "", "Location", "http://127.0.0.1:1/"), 1, t1.KindInvalid, []string{"302 Found"}, "base_url"},
		{"no money", "", "", fails(429, `{"error":{"message":"no funds","code":"insufficient_quota"}}`), 1, t1.KindInvalid, []string{"429"}, "pay the account"},
		{"a day of rest", "", "", fails(429, "", "Retry-After", "86400"), 1, t1.KindInvalid, []string{"wants 24h0m0s of rest"}, "resolve it then"},
		{"always 500", "", "", fails(500, "oops"), 3, t1.KindUnavailable, []string{"500 Internal Server Error: oops", "(3 tries)"}, ""},
		{"always cut", "", "", cuts, 3, t1.KindUnavailable, []string{`endpoint "e"`, "does not answer", "(3 tries)"}, "runs"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server, served := script(t, test.turn)
			client := New(Options{Name: "e", BaseURL: server.URL, Key: test.key, KeyName: test.from, Tries: 3, Backoff: time.Millisecond})
			_, err := client.Ask(context.Background(), question)
			if t1.KindOf(err) != test.kind || served.Load() != test.tries {
				t.Fatalf("got %v (%s) after %d tries, want %s after %d", err, t1.KindOf(err), served.Load(), test.kind, test.tries)
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
			if !strings.Contains(t1.HintOf(err), test.hint) {
				t.Errorf("hint %q lacks %q", t1.HintOf(err), test.hint)
			}
			if strings.Contains(fmt.Sprintf("%+v %s", err, t1.HintOf(err)), "sk-planted") {
				t.Errorf("the key stands in %q", err)
			}
		})
	}
}

func TestAskEndsWhenToldTo(t *testing.T) {
	server, _ := script(t, fails(500, ""))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := New(Options{Name: "e", BaseURL: server.URL, Backoff: time.Minute}).Ask(ctx, question)
	if err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

func TestAskTimesOutARequest(t *testing.T) {
	server, served := script(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body); <-r.Context().Done() })
	_, err := New(Options{Name: "e", BaseURL: server.URL, Tries: 2, Timeout: 30 * time.Millisecond, Backoff: time.Millisecond}).Ask(context.Background(), question)
	if t1.KindOf(err) != t1.KindUnavailable || !strings.Contains(err.Error(), "no answer within 30ms") || served.Load() != 2 {
		t.Errorf("got %v after %d tries", err, served.Load())
	}
}

func TestLimits(t *testing.T) {
	var now, most atomic.Int64
	server, served := script(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		now.Add(-1)
		says("4")(w, r)
	})
	ask := func(o Options) time.Duration {
		served.Store(0)
		most.Store(0)
		o.Name, o.BaseURL = "e", server.URL
		client, began, done := New(o), time.Now(), make(chan error, 8)
		for range 8 {
			go func() { _, err := client.Ask(context.Background(), question); done <- err }()
		}
		for range 8 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		return time.Since(began)
	}
	ask(Options{Concurrency: 2})
	if most.Load() != 2 {
		t.Errorf("%d requests at once, want 2", most.Load())
	}
	if took := ask(Options{Concurrency: 8, PerMinute: 1200}); took < 350*time.Millisecond {
		t.Errorf("8 requests at 1200 a minute took %v, want 7 x 50 ms at least", took)
	}
}

func TestUncountedTokensAreEstimated(t *testing.T) {
	server, _ := script(t, fails(200, `{"choices":[{"message":{"content":"12345678"}}]}`))
	got, err := New(Options{Name: "e", BaseURL: server.URL}).Ask(context.Background(), question)
	if err != nil || !got.Estimated || got.TokensOut != 3 || got.TokensIn != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "nonsense": 0, "-1": 0, "0": 0, "2": 2 * time.Second, "0.5": 500 * time.Millisecond,
		"Mon, 23 Nov 2026 12:00:30 GMT": 30 * time.Second, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}
