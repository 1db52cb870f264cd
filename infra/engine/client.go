package engine

import (
	"context"
	"errors"
	"io"

	"t1"
	pb "t1/infra/engine/enginepb"
)

// State is what the trainer holds; its digests are empty when it holds nothing.
type State struct {
	Digest     t1.Digest
	Policy     t1.Digest
	Step       int64 // optimizer steps since the model it began with
	Parameters int64
	EOS        int32 // token that ends a response; where several do, the one to train on
}

// About describes an engine.
type About struct {
	Version     string
	Environment map[string]string // fingerprint: bit-identity is promised where it is equal
}

// StepResult is what a step made.
type StepResult struct {
	Digest   t1.Digest
	Policy   t1.Digest
	Metrics  map[string]float64 // deterministic
	Tokens   int64              // trained on
	Seconds  float64            // of engine work
	Rollouts []t1.Advantage     // Update only, in the order of the rollouts; Problem and Sample are left empty
	Tensors  map[string]string  // of each tensor of the state, the SHA-256 of its elements in lower-case hex
}

// Progress is told how far a call is: done of total units, and tokens so far. It
// is told the same again while the call waits for another, see [watch].
type Progress func(done, total, tokens int64)

// Describe asks who the engine is.
func (c *Client) Describe(ctx context.Context) (About, error) {
	reply, err := c.engine.Describe(ctx, &pb.DescribeRequest{})
	return About{reply.GetVersion(), reply.GetEnvironment()}, translate(err)
}

// State asks what the trainer holds.
func (c *Client) State(ctx context.Context) (State, error) {
	reply, err := c.trainer.State(ctx, &pb.StateRequest{})
	return stateOf(reply), translate(err)
}

// OpenScratch makes the trainer hold a new model.
func (c *Client) OpenScratch(ctx context.Context, step t1.InitStep) (State, error) {
	s := step.Scratch
	reply, err := c.trainer.Open(ctx, &pb.OpenRequest{Source: &pb.OpenRequest_Scratch{Scratch: &pb.Scratch{
		Seed: step.Seed, Vocabulary: step.Vocabulary,
		HiddenSize: int32(s.HiddenSize), IntermediateSize: int32(s.IntermediateSize),
		Layers: int32(s.Layers), Heads: int32(s.Heads), KvHeads: int32(s.KVHeads),
		RopeTheta: s.RopeTheta, TieEmbeddings: s.TieEmbeddings,
	}}})
	return stateOf(reply), translate(err)
}

// OpenSnapshot makes the trainer hold the state in a directory; another state
// than expected is KindCorrupt.
func (c *Client) OpenSnapshot(ctx context.Context, directory string, expect t1.Digest) (State, error) {
	reply, err := c.trainer.Open(ctx, &pb.OpenRequest{
		Source: &pb.OpenRequest_Snapshot{Snapshot: directory}, Expect: string(expect),
	})
	return stateOf(reply), translate(err)
}

// OpenModel makes the trainer hold a pretrained model, at step 0: a directory in
// Hugging Face's layout, as `python -m t1_engine.convert` makes it. The same
// directory gives the same digests. Another state than expected is KindCorrupt,
// and so are torn weights; an empty expect accepts any. A model that the engine
// does not support is KindInvalid.
func (c *Client) OpenModel(ctx context.Context, directory string, expect t1.Digest) (State, error) {
	reply, err := c.trainer.Open(ctx, &pb.OpenRequest{
		Source: &pb.OpenRequest_Model{Model: directory}, Expect: string(expect),
	})
	return stateOf(reply), translate(err)
}

func stateOf(r *pb.StateReply) State {
	return State{t1.Digest(r.GetDigest()), t1.Digest(r.GetPolicy()), r.GetStep(), r.GetParameters(), r.GetEos()}
}

// FineTune does a chunk of supervised steps on the traces in a Parquet file.
func (c *Client) FineTune(ctx context.Context, parent t1.Digest, traces string, step t1.SFTStep, progress Progress) (StepResult, error) {
	ctx, watch := c.watch(ctx, progress)
	defer watch.stop()
	stream, err := c.trainer.FineTune(ctx, &pb.FineTuneRequest{
		Parent: string(parent), Traces: traces, Seed: step.Seed, BatchSize: int32(step.BatchSize),
		From: int32(step.From), To: int32(step.To), Total: int32(step.Total), Optimizer: adamw(step.Optimizer),
	})
	if err != nil {
		return StepResult{}, watch.explain(translate(err))
	}
	var result *pb.StepResult
	err = receive(stream.Recv, watch, func(r *pb.FineTuneReply) {
		watch.report(r.GetProgress())
		if r.GetResult() != nil {
			result = r.GetResult()
		}
	})
	return resultOf(result), watch.explain(err)
}

// Update does one reinforcement-learning step on Parquet blocks and their scores.
// Where the rollouts' log-probabilities are more than gapLimit nats a token from
// the trainer's, in the mean, it does none: KindSamplerGap. A limit of 0 allows any.
func (c *Client) Update(ctx context.Context, parent t1.Digest, rollouts []string, scores string, h t1.Hyper, a t1.AnchorMove, gapLimit float64, progress Progress) (StepResult, error) {
	ctx, watch := c.watch(ctx, progress)
	defer watch.stop()
	stream, err := c.trainer.Update(ctx, &pb.UpdateRequest{
		Parent: string(parent), Rollouts: rollouts, Scores: scores,
		LearningRate: h.LearningRate, Beta: h.Beta, PlainKl: h.PlainKL, Alpha: h.Alpha, ClipRatio: h.ClipRatio, Aggregation: h.Aggregation,
		Optimizer: adamw(h.Optimizer), AnchorAction: a.Action, AnchorCoefficient: a.Coefficient, GapLimit: gapLimit,
	})
	if err != nil {
		return StepResult{}, watch.explain(translate(err))
	}
	var result *pb.StepResult
	err = receive(stream.Recv, watch, func(r *pb.UpdateReply) {
		watch.report(r.GetProgress())
		if r.GetResult() != nil {
			result = r.GetResult()
		}
	})
	return resultOf(result), watch.explain(err)
}

func adamw(s t1.AdamWSpec) *pb.AdamW {
	return &pb.AdamW{
		LearningRate: s.LearningRate, Warmup: s.Warmup, Beta1: s.Beta1, Beta2: s.Beta2,
		WeightDecay: s.WeightDecay, GradientClip: s.GradientClip,
	}
}

func resultOf(r *pb.StepResult) StepResult {
	out := StepResult{
		Digest: t1.Digest(r.GetDigest()), Policy: t1.Digest(r.GetPolicy()), Metrics: r.GetMetrics(),
		Tokens: r.GetTokens(), Seconds: r.GetSeconds(), Tensors: r.GetTensors(),
	}
	for _, row := range r.GetRollouts() {
		out.Rollouts = append(out.Rollouts, t1.Advantage{KL: row.GetD(), Advantage: row.GetAdvantage(), MeanLogProb: row.GetMeanLogprob()})
	}
	return out
}

// Snapshot writes the whole state into a directory that does not exist yet.
func (c *Client) Snapshot(ctx context.Context, directory string, expect t1.Digest) error {
	_, err := c.trainer.Snapshot(ctx, &pb.WriteRequest{Directory: directory, Expect: string(expect)})
	return translate(err)
}

// Publish writes the policy alone, as a Hugging Face directory, into a
// directory that does not exist yet. Where prompts are given, of at least one
// token each, probes.json there holds what the policy answers to each when it is
// greedy; the same prompts make the same bytes.
func (c *Client) Publish(ctx context.Context, directory string, policy t1.Digest, prompts [][]int32) error {
	_, err := c.trainer.Publish(ctx, &pb.WriteRequest{Directory: directory, Expect: string(policy), Probes: tokensOf(prompts)})
	return translate(err)
}

// receive reads a stream to its end; each message is a sign of life.
func receive[M any](next func() (M, error), w *watch, each func(M)) error {
	for {
		message, err := next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return translate(err)
		}
		w.alive()
		each(message)
	}
}
