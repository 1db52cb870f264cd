package t1

import (
	"slices"
	"strings"
)

// specRules is the table of the rules, in the order of Spec; validate.go holds
// the rules between fields. A new field of Spec needs a line here.
var specRules = slices.Concat(
	[]Rule{
		whole("version", between(1, 1), "D", "of the spec's format"),
		whole("seed", atLeast(0), "D", "of everything random"),
	},
	taskRules(), modelRules(), sftRules(), poolRules(), rlRules(), samplerRules(),
	[]Rule{whole("snapshot_every", atLeast(1), "D", "records between snapshots")},
	evaluationRules(),
	[]Rule{
		whole("resources.threads", between(1, 1024), "D", "CPU threads of each process of the engine; part of the environment fingerprint"),
		whole("resources.trainers", between(1, 1024), "D", "processes on one machine that train together, one a GPU where there are any; part of the fingerprint"),
		choice("resources.precision", "D", "of forward and backward passes; weights, optimizer and anchor are float32 always; part of the fingerprint", "float32", "bfloat16"),
		whole("resources.micro_tokens", between(1, 1<<30), "D", "tokens of one forward and backward pass, prompts included; a longer response is not cut; part of the fingerprint"),
		flag("resources.recompute", "D", "whether activations are computed again in the backward pass instead of kept: less memory, a third more work, the same bits"),
		flag("resources.offload", "D", "whether optimizer and anchor lie in the machine's memory but for the time they are used; part of the fingerprint"),
		whole("resources.heartbeat_timeout", atLeast(1), "D", "seconds without progress after which an attempt is given up"),
	},
)

func taskRules() []Rule {
	const game, data = "task.countdown.", "task.data."
	return []Rule{
		choice("task.name", "D", "a game made from the seed, or who grades imported problems", "countdown", "number", "choice", "math", "exec"),
		wholes(game+"numbers", between(3, 4), 1, "D", "how many numbers a game has; more than one value mixes evenly"),
		whole(game+"max_number", between(5, 25), "D", "largest number dealt"),
		whole(game+"max_target", between(10, 199), "D", "largest target and largest value on the way"),
		whole(game+"train", atLeast(1), "D", "training games"),
		whole(game+"held_out", atLeast(1), "D", "games kept for evaluation, none of them a training game"),
		whole(game+"traces", atLeast(1), "D", "demonstrations to fine-tune on, spread evenly over the training games (P: about 12k prompts)"),
		whole(game+"max_tries", between(0, 1000), "D", "misses after which a demonstration answers unverified"),
		number(game+"hasty", between(0, 1), "D", "share of the demonstrations that answer at once"),
		dataset(data+"train", "problems to learn from"),
		dataset(data+"held_out", "problems to evaluate on"),
		dataset(data+"demonstrations", "texts to fine-tune on; empty: none"),
		text(data+"instruction", "a text with {question} once", "what the model is asked", func(v string) bool { return strings.Count(v, "{question}") == 1 }),
		text(data+"cue", "a text", "after which a response states its answer", notEmpty),
		text(data+"statement", "empty, or a text with {answer} once, right behind task.data.cue", "what is added to a demonstration that does not state its answer behind the cue; empty: nothing", func(v string) bool { return v == "" || strings.Count(v, AnswerPlace) == 1 }),
		choice(data+"overlap", "D", "what becomes of a run that would learn from what task.data.held_out asks", OverlapRefuse, OverlapKeep),
		texts("task.exec.command", "the program that grades, and its arguments"),
		whole("task.exec.seconds", between(1, 3600), "D", "time to grade a response, at most"),
		whole("task.exec.memory", between(16, 1<<20), "D", "MiB that the program may use, at most"),
	}
}

func modelRules() []Rule {
	const model = "model.scratch."
	return []Rule{
		text("model.base", "empty, or an imported model's name or digest", "model to start from; empty: scratch", nameOrDigest),
		whole(model+"hidden_size", atLeast(2), "D", "width; a multiple of 2 x heads"),
		whole(model+"intermediate_size", atLeast(1), "D", "width inside the feed-forward block"),
		whole(model+"layers", atLeast(1), "D", "decoder layers"),
		whole(model+"heads", between(1, 1024), "D", "attention heads"),
		whole(model+"kv_heads", atLeast(1), "D", "key and value heads; divides heads"),
		number(model+"rope_theta", above(0), "D", "base of the rotary position embedding"),
		flag(model+"tie_embeddings", "D", "whether input and output embeddings are one matrix"),
	}
}

func optimizerRules(path, rateSource, rateDoc, warmupDoc string) []Rule {
	return []Rule{
		number(path+"learning_rate", aboveTo(0, 1), rateSource, "peak; "+rateDoc),
		number(path+"warmup", between(0, 1), "C", "share of the steps; "+warmupDoc),
		number(path+"beta1", fromBelow(0, 1), "C", "AdamW's decay of the first moment"),
		number(path+"beta2", fromBelow(0, 1), "C", "AdamW's decay of the second moment"),
		number(path+"weight_decay", atLeast(0), "C", "decoupled weight decay"),
		number(path+"gradient_clip", atLeast(0), "C", "largest gradient norm; 0 does not clip"),
	}
}

func sftRules() []Rule {
	return append([]Rule{
		whole("sft.epochs", atLeast(1), "P", "passes over the demonstrations"),
		whole("sft.batch_size", atLeast(1), "C", "demonstrations a step"),
		whole("sft.steps_per_record", atLeast(1), "D", "optimizer steps in one log record"),
	}, optimizerRules("sft.optimizer.", "P", "then cosine to 0", "linear from 0")...)
}

func poolRules() []Rule {
	return []Rule{
		whole("pool.problems", atLeast(1), "D", "training problems to try"),
		whole("pool.samples", atLeast(1), "P", "responses a problem"),
		{
			Field: "pool.pass_rate", Type: "list of numbers", Source: "P",
			Allowed: "[low, high] with low below high, each from -1 to 2",
			Doc:     "open interval of the share right that is kept; a low below 0 keeps 0, a high above 1 keeps 1",
			holds: func(value any) bool {
				rate := value.([]float64)
				return len(rate) == 2 && -1 <= rate[0] && rate[0] < rate[1] && rate[1] <= 2
			},
		},
		number("pool.temperature", aboveTo(0, 2), "D", "of sampling"),
		number("pool.top_p", aboveTo(0, 1), "D", "share of the probability that is sampled from"),
	}
}

func rlRules() []Rule {
	return slices.Concat([]Rule{
		whole("rl.iterations", atLeast(1), "D", "optimizer steps"),
		whole("rl.prompts", atLeast(1), "P", "prompts a step"),
		whole("rl.k", atLeast(2), "P", "responses a prompt"),
		number("rl.temperature", aboveTo(0, 2), "P", "of sampling"),
		number("rl.top_p", aboveTo(0, 1), "P", "share of the probability that is sampled from"),
		whole("rl.max_tokens", atLeast(1), "P", "longest response, tokens"),
		whole("rl.shards", atLeast(1), "D", "sampling activities an iteration"),
		whole("rl.block_prompts", atLeast(1), "D", "prompts in one block of rollouts"),
	}, optimizerRules("rl.optimizer.", "P", "constant after the warm-up", "linear from 0"), []Rule{
		number("rl.beta", atLeast(0), "P", "weight of d in the reward"),
		flag("rl.plain_kl", "P", "whether d enters the advantage as it is, not less the mean of the others': an ablation"),
		number("rl.alpha", atLeast(0), "D", "weight of the entropy bonus"),
		number("rl.clip_ratio", aboveTo(0, 1), "C", "eps of the ratio clip"),
		choice("rl.aggregation", "C", "of the token losses: mean inside a response and then over responses, or mean over all tokens", "response", "token"),
		choice("rl.anchor.action", "P", "how the anchor moves", "ema", "fixed", "reset", "none"),
		{
			Field: "rl.anchor.coefficient", Type: "number", Source: "C",
			Allowed: "-1 or a number of at least 0 and below 1",
			Doc:     "share of the old anchor that one move keeps; -1 means 1 - 3/iterations (D)",
			holds:   func(value any) bool { c := value.(float64); return c == -1 || fromBelow(0, 1).holds(c) },
		},
		whole("rl.anchor.every", atLeast(1), "P", "iterations between two moves of the anchor"),
		whole("rl.penalties.repetition_window", atLeast(0), "C", "characters; 0 switches the detector off"),
		whole("rl.penalties.repetition_count", atLeast(2), "C", "times some window must occur"),
		flag("rl.penalties.over_length", "P", "whether no end of sequence at the limit is penalised"),
		flag("rl.penalties.foreign_script", "P", "whether letters of a script the prompt does not use, and garbled characters, are penalised"),
		number("rl.penalties.nonsense", atLeast(0), "C", "mean negative log-probability, nats a token, above which a response is penalised; 0 switches the detector off"),
		whole("rl.iterations_per_run", atLeast(1), "D", "iterations before the workflow continues as new"),
	})
}

func samplerRules() []Rule {
	const server = "sampler.vllm."
	return []Rule{
		choice("sampler.kind", "D", "what samples: the engine, or a vLLM server that the worker starts", SamplerEngine, SamplerVLLM),
		number("sampler.gap_limit", atLeast(0), "D", "mean absolute difference of sampler's and trainer's log-probability, nats a token, above which an iteration is not trained on; 0 switches the check off"),
		choice(server+"dtype", "D", "of weights and activations; the trainer's is float32", "float32", "bfloat16", "float16"),
		whole(server+"max_model_len", atLeast(0), "D", "longest prompt and response together, tokens; 0 means the model's own"),
		whole(server+"tensor_parallel_size", between(1, 64), "D", "GPUs that share one copy of the model"),
	}
}

func evaluationRules() []Rule {
	const scaling = "evaluation.scaling."
	return []Rule{
		numbers("evaluation.at", aboveTo(0, 1), 0, "P", "shares of the iterations after which to evaluate; the fine-tuned policy always is"),
		whole("evaluation.every", atLeast(0), "D", "also every so many iterations; 0 never"),
		whole("evaluation.problems", atLeast(1), "D", "held-out problems used, from the first"),
		whole("evaluation.samples", atLeast(1), "D", "responses a problem beside the greedy one"),
		number("evaluation.temperature", aboveTo(0, 2), "D", "of those"),
		number("evaluation.top_p", aboveTo(0, 1), "D", "of those"),
		whole("evaluation.max_tokens", atLeast(1), "P", "longest response, tokens; as in training"),
		whole("evaluation.shard_problems", atLeast(1), "D", "problems a shard"),
		whole(scaling+"fractions", between(0, 100), "P", "cuts at i/fractions of a response's own thinking; 0 switches them off"),
		wholes(scaling+"caps", atLeast(1), 0, "P", "cuts at so many tokens"),
		text(scaling+"summary_model", `"sft" or "policy" or "model:" and an imported model's name or digest`, "what answers from cut thinking: the run's fine-tuned policy (P: the base model), the policy itself, or an imported model", isSummaryModel),
		whole(scaling+"summary_tokens", atLeast(1), "D", "longest answer, tokens"),
		{
			Field: "evaluation.suites", Type: "list of texts", Source: "D",
			Allowed: "a list of names of suites, each once (docs/evaluation.md)",
			Doc:     "imported suites measured beside the held-out problems, whole and without cuts",
			holds:   func(v any) bool { return areSuites(v.([]string)) },
		},
	}
}
