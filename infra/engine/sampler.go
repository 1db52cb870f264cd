package engine

import (
	"context"

	"t1"
	pb "t1/infra/engine/enginepb"
)

// Prompt asks for responses.
type Prompt struct {
	Tokens  []int32
	Seed    uint64 // the randomness of sample i depends on (Seed, i) alone
	Samples int    // at least 1
}

// Generation is one request to a sampler.
type Generation struct {
	Policy      t1.Digest // must be open
	Prompts     []Prompt
	Temperature float64 // 0 is greedy
	TopP        float64 // in (0, 1]
	MaxTokens   int
	Precision   string // of the passes, "float32" or "bfloat16"; empty means float32
}

// Response is one finished response.
type Response struct {
	Prompt   int // index
	Sample   int
	Tokens   []int32
	LogProbs []float32 // at temperature 1
	Finish   string    // t1.FinishStop or t1.FinishLength
	Text     string
}

// Generated says what a generation cost.
type Generated struct {
	Seconds float64 // of engine work
	Tokens  int64   // sampled
}

// OpenPolicy makes a policy ready to sample from and answers the token that ends
// a response. With an empty directory a policy that is not held is KindNotFound.
func (c *Client) OpenPolicy(ctx context.Context, policy t1.Digest, directory string) (int32, error) {
	reply, err := c.sampler.OpenPolicy(ctx, &pb.OpenPolicyRequest{Policy: string(policy), Directory: directory})
	return reply.GetEos(), translate(err)
}

// Generate samples; each response is handed over as it finishes, in any order.
func (c *Client) Generate(ctx context.Context, g Generation, each func(Response), progress Progress) (Generated, error) {
	ctx, watch := c.watch(ctx, progress)
	defer watch.stop()
	request := &pb.GenerateRequest{
		Policy: string(g.Policy), Temperature: g.Temperature, TopP: g.TopP, MaxTokens: int32(g.MaxTokens), Precision: g.Precision,
	}
	for _, p := range g.Prompts {
		request.Prompts = append(request.Prompts, &pb.Prompt{Tokens: p.Tokens, Seed: p.Seed, Samples: int32(p.Samples)})
	}
	stream, err := c.sampler.Generate(ctx, request)
	if err != nil {
		return Generated{}, watch.explain(translate(err))
	}
	var done Generated
	err = receive(stream.Recv, watch, func(m *pb.GenerateReply) {
		watch.report(m.GetProgress())
		if r := m.GetResponse(); r != nil {
			each(responseOf(r))
		}
		if f := m.GetFinished(); f != nil {
			done = Generated{f.GetSeconds(), f.GetTokens()}
		}
	})
	return done, watch.explain(err)
}

func responseOf(r *pb.Response) Response {
	return Response{
		Prompt: int(r.GetPrompt()), Sample: int(r.GetSample()), Tokens: r.GetTokens(), LogProbs: r.GetLogprobs(),
		Finish: r.GetFinish(), Text: r.GetText(),
	}
}
