package report

// groupTitles names the parts of a spec.
var groupTitles = map[string]string{
	"version": "Run", "seed": "Run", "snapshot_every": "Run", "resources": "Run", "task": "Task", "model": "Model",
	"sft": "Supervised fine-tuning", "pool": "Prompt pool", "rl": "Reinforcement learning", "evaluation": "Evaluation",
}

// settings lists every field of a spec with what the recipe says about it.
// Marks: P is in the paper (arXiv 2501.11651), C only in the authors' sibling
// code base, D is t1's own because nothing is published. A test holds this list
// against the type t1.Spec.
var settings = []setting{
	{"sft.epochs", "passes over the demonstrations", "3", "", "P"},
	{"sft.batch_size", "demonstrations a step", "128", "", "C"},
	{"sft.optimizer.learning_rate", "peak, then cosine to 0", "1e-5", "", "P"},
	{"sft.optimizer.warmup", "share of the steps", "0.03", "", "C"},
	{"sft.optimizer.beta1", "AdamW", "0.9", "", "C"},
	{"sft.optimizer.beta2", "AdamW", "0.95", "", "C"},
	{"sft.optimizer.weight_decay", "AdamW", "0.1", "", "C"},
	{"sft.optimizer.gradient_clip", "largest gradient norm", "1", "", "C"},
	{"sft.steps_per_record", "steps in one log record", "", "", "D"},

	{"pool.samples", "responses a problem", "16", "", "P"},
	{"pool.pass_rate", "open interval of pass rates kept", "[0, 0.3]", "", "P"},
	{"pool.problems", "training problems tried", "", "the paper keeps 30,000 prompts", "D"},
	{"pool.temperature", "of sampling", "", "", "D"},
	{"pool.top_p", "of sampling", "", "", "D"},

	{"rl.iterations", "optimizer steps", "", "", "D"},
	{"rl.prompts", "prompts a step", "32", "", "P"},
	{"rl.k", "responses a prompt (K)", "64", "", "P"},
	{"rl.temperature", "of sampling", "1.2", "", "P"},
	{"rl.top_p", "of sampling", "0.95", "", "P"},
	{"rl.max_tokens", "longest response", "10240", "16,384 for 32B", "P"},
	{"rl.optimizer.learning_rate", "constant after warm-up", "1.5e-6", "", "P"},
	{"rl.optimizer.warmup", "share of the steps", "0.05", "", "C"},
	{"rl.optimizer.beta1", "AdamW", "0.9", "", "C"},
	{"rl.optimizer.beta2", "AdamW", "0.95", "", "C"},
	{"rl.optimizer.weight_decay", "AdamW", "0.1", "", "C"},
	{"rl.optimizer.gradient_clip", "largest gradient norm", "1", "", "C"},
	{"rl.beta", "weight of d in the reward", "2e-4", "", "P"},
	{"rl.alpha", "weight of the entropy bonus", "", "the bonus is P, its weight is not", "D"},
	{"rl.clip_ratio", "ε of the ratio clip", "0.2", "", "C"},
	{"rl.aggregation", "how token losses are averaged", `"response"`, "", "C"},
	{"rl.anchor.action", "how the anchor moves", `"ema"`, "", "P"},
	{"rl.anchor.coefficient", "of the old anchor", "0.992", "−1 stands for 1 − 3/iterations, a D", "C"},
	{"rl.anchor.every", "iterations between moves", "1", "", "P"},
	{"rl.penalties.repetition_window", "characters; the pattern is P", "80", "", "C"},
	{"rl.penalties.repetition_count", "times a window occurs", "20", "", "C"},
	{"rl.penalties.over_length", "no end of sequence at the limit", "true", "", "P"},
	{"rl.penalties.foreign_script", "scripts the prompt does not use", "true", "the detector itself is C and D", "P"},
	{"rl.penalties.nonsense", "mean negative log-probability, nats a token", "1", "the paper says: a perplexity filter", "C"},
	{"rl.shards", "sampling activities an iteration", "", "", "D"},
	{"rl.block_prompts", "prompts in one block of rollouts", "", "", "D"},
	{"rl.iterations_per_run", "iterations before the workflow continues as new", "", "", "D"},

	{"evaluation.at", "shares of the iterations", "[0.3, 0.6, 0.9, 1]", "", "P"},
	{"evaluation.every", "also every so many iterations", "", "", "D"},
	{"evaluation.problems", "held-out problems", "", "", "D"},
	{"evaluation.samples", "responses a problem", "", "the paper: 32 for AIME", "D"},
	{"evaluation.temperature", "of the samples", "", "", "D"},
	{"evaluation.top_p", "of the samples", "", "", "D"},
	{"evaluation.max_tokens", "longest response", "=rl.max_tokens", "the paper: as in training", "P"},
	{"evaluation.shard_problems", "problems a shard", "", "", "D"},
	{"evaluation.scaling.fractions", "cuts at shares of the own thinking", "10", "", "P"},
	{"evaluation.scaling.caps", "cuts at tokens", "[1024, 2048, 4096, 8192, 16384]", "", "P"},
	{"evaluation.scaling.summary_model", "who answers from cut thinking", "", "the paper: the base model", "D"},
	{"evaluation.scaling.summary_tokens", "longest answer", "", "", "D"},

	{"task.name", "what is learnt", "", "the paper: mathematics", "D"},
	{"task.countdown.numbers", "numbers a game", "", "", "D"},
	{"task.countdown.max_number", "largest number dealt", "", "", "D"},
	{"task.countdown.max_target", "largest target", "", "", "D"},
	{"task.countdown.train", "training games", "", "", "D"},
	{"task.countdown.held_out", "games kept for evaluation", "", "", "D"},
	{"task.countdown.traces", "demonstrations", "", "the paper: about 12,000 prompts", "D"},
	{"task.countdown.max_tries", "misses after which a demonstration answers unverified", "", "", "D"},
	{"task.countdown.hasty", "share of the demonstrations that answer at once", "", "", "D"},

	{"model.scratch.hidden_size", "width", "", "the paper: GLM-4-9B, Qwen2.5-14B and 32B", "D"},
	{"model.scratch.intermediate_size", "width of the feed-forward block", "", "", "D"},
	{"model.scratch.layers", "", "", "", "D"},
	{"model.scratch.heads", "", "", "", "D"},
	{"model.scratch.kv_heads", "", "", "", "D"},
	{"model.scratch.rope_theta", "", "", "", "D"},
	{"model.scratch.tie_embeddings", "", "", "", "D"},

	{"seed", "of everything random", "", "", "D"},
	{"version", "of the spec", "", "", "D"},
	{"snapshot_every", "records between snapshots", "", "", "D"},
	{"resources.threads", "CPU threads of the engine", "", "", "D"},
	{"resources.heartbeat_timeout", "seconds", "", "", "D"},
}
