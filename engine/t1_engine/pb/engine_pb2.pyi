from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeReply(_message.Message):
    __slots__ = ("version", "environment")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    version: str
    environment: _containers.ScalarMap[str, str]
    def __init__(self, version: _Optional[str] = ..., environment: _Optional[_Mapping[str, str]] = ...) -> None: ...

class OpenRequest(_message.Message):
    __slots__ = ("snapshot", "scratch", "model", "expect")
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SCRATCH_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EXPECT_FIELD_NUMBER: _ClassVar[int]
    snapshot: str
    scratch: Scratch
    model: str
    expect: str
    def __init__(self, snapshot: _Optional[str] = ..., scratch: _Optional[_Union[Scratch, _Mapping]] = ..., model: _Optional[str] = ..., expect: _Optional[str] = ...) -> None: ...

class Scratch(_message.Message):
    __slots__ = ("seed", "vocabulary", "hidden_size", "intermediate_size", "layers", "heads", "kv_heads", "rope_theta", "tie_embeddings")
    SEED_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_SIZE_FIELD_NUMBER: _ClassVar[int]
    INTERMEDIATE_SIZE_FIELD_NUMBER: _ClassVar[int]
    LAYERS_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    KV_HEADS_FIELD_NUMBER: _ClassVar[int]
    ROPE_THETA_FIELD_NUMBER: _ClassVar[int]
    TIE_EMBEDDINGS_FIELD_NUMBER: _ClassVar[int]
    seed: int
    vocabulary: _containers.RepeatedScalarFieldContainer[str]
    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int
    rope_theta: float
    tie_embeddings: bool
    def __init__(self, seed: _Optional[int] = ..., vocabulary: _Optional[_Iterable[str]] = ..., hidden_size: _Optional[int] = ..., intermediate_size: _Optional[int] = ..., layers: _Optional[int] = ..., heads: _Optional[int] = ..., kv_heads: _Optional[int] = ..., rope_theta: _Optional[float] = ..., tie_embeddings: _Optional[bool] = ...) -> None: ...

class StateRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StateReply(_message.Message):
    __slots__ = ("digest", "policy", "step", "parameters", "eos")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    EOS_FIELD_NUMBER: _ClassVar[int]
    digest: str
    policy: str
    step: int
    parameters: int
    eos: int
    def __init__(self, digest: _Optional[str] = ..., policy: _Optional[str] = ..., step: _Optional[int] = ..., parameters: _Optional[int] = ..., eos: _Optional[int] = ...) -> None: ...

class AdamW(_message.Message):
    __slots__ = ("learning_rate", "warmup", "beta1", "beta2", "weight_decay", "gradient_clip")
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    WARMUP_FIELD_NUMBER: _ClassVar[int]
    BETA1_FIELD_NUMBER: _ClassVar[int]
    BETA2_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_DECAY_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_CLIP_FIELD_NUMBER: _ClassVar[int]
    learning_rate: float
    warmup: float
    beta1: float
    beta2: float
    weight_decay: float
    gradient_clip: float
    def __init__(self, learning_rate: _Optional[float] = ..., warmup: _Optional[float] = ..., beta1: _Optional[float] = ..., beta2: _Optional[float] = ..., weight_decay: _Optional[float] = ..., gradient_clip: _Optional[float] = ...) -> None: ...

class FineTuneRequest(_message.Message):
    __slots__ = ("parent", "traces", "seed", "batch_size", "to", "total", "optimizer")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    TRACES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    traces: str
    seed: int
    batch_size: int
    to: int
    total: int
    optimizer: AdamW
    def __init__(self, parent: _Optional[str] = ..., traces: _Optional[str] = ..., seed: _Optional[int] = ..., batch_size: _Optional[int] = ..., to: _Optional[int] = ..., total: _Optional[int] = ..., optimizer: _Optional[_Union[AdamW, _Mapping]] = ..., **kwargs) -> None: ...

class Progress(_message.Message):
    __slots__ = ("done", "total", "tokens")
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    done: int
    total: int
    tokens: int
    def __init__(self, done: _Optional[int] = ..., total: _Optional[int] = ..., tokens: _Optional[int] = ...) -> None: ...

class FineTuneReply(_message.Message):
    __slots__ = ("progress", "result")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    result: StepResult
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., result: _Optional[_Union[StepResult, _Mapping]] = ...) -> None: ...

class StepResult(_message.Message):
    __slots__ = ("digest", "policy", "metrics", "tokens", "seconds", "rollouts", "tensors")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class TensorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    digest: str
    policy: str
    metrics: _containers.ScalarMap[str, float]
    tokens: int
    seconds: float
    rollouts: _containers.RepeatedCompositeFieldContainer[RolloutStep]
    tensors: _containers.ScalarMap[str, str]
    def __init__(self, digest: _Optional[str] = ..., policy: _Optional[str] = ..., metrics: _Optional[_Mapping[str, float]] = ..., tokens: _Optional[int] = ..., seconds: _Optional[float] = ..., rollouts: _Optional[_Iterable[_Union[RolloutStep, _Mapping]]] = ..., tensors: _Optional[_Mapping[str, str]] = ...) -> None: ...

class RolloutStep(_message.Message):
    __slots__ = ("d", "advantage", "mean_logprob")
    D_FIELD_NUMBER: _ClassVar[int]
    ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    MEAN_LOGPROB_FIELD_NUMBER: _ClassVar[int]
    d: float
    advantage: float
    mean_logprob: float
    def __init__(self, d: _Optional[float] = ..., advantage: _Optional[float] = ..., mean_logprob: _Optional[float] = ...) -> None: ...

class UpdateRequest(_message.Message):
    __slots__ = ("parent", "rollouts", "scores", "learning_rate", "beta", "alpha", "clip_ratio", "aggregation", "optimizer", "anchor_action", "anchor_coefficient", "plain_kl", "gap_limit")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    BETA_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    CLIP_RATIO_FIELD_NUMBER: _ClassVar[int]
    AGGREGATION_FIELD_NUMBER: _ClassVar[int]
    OPTIMIZER_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_ACTION_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_COEFFICIENT_FIELD_NUMBER: _ClassVar[int]
    PLAIN_KL_FIELD_NUMBER: _ClassVar[int]
    GAP_LIMIT_FIELD_NUMBER: _ClassVar[int]
    parent: str
    rollouts: _containers.RepeatedScalarFieldContainer[str]
    scores: str
    learning_rate: float
    beta: float
    alpha: float
    clip_ratio: float
    aggregation: str
    optimizer: AdamW
    anchor_action: str
    anchor_coefficient: float
    plain_kl: bool
    gap_limit: float
    def __init__(self, parent: _Optional[str] = ..., rollouts: _Optional[_Iterable[str]] = ..., scores: _Optional[str] = ..., learning_rate: _Optional[float] = ..., beta: _Optional[float] = ..., alpha: _Optional[float] = ..., clip_ratio: _Optional[float] = ..., aggregation: _Optional[str] = ..., optimizer: _Optional[_Union[AdamW, _Mapping]] = ..., anchor_action: _Optional[str] = ..., anchor_coefficient: _Optional[float] = ..., plain_kl: _Optional[bool] = ..., gap_limit: _Optional[float] = ...) -> None: ...

class UpdateReply(_message.Message):
    __slots__ = ("progress", "result")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    result: StepResult
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., result: _Optional[_Union[StepResult, _Mapping]] = ...) -> None: ...

class WriteRequest(_message.Message):
    __slots__ = ("directory", "expect", "probes")
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    EXPECT_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    directory: str
    expect: str
    probes: _containers.RepeatedCompositeFieldContainer[Tokens]
    def __init__(self, directory: _Optional[str] = ..., expect: _Optional[str] = ..., probes: _Optional[_Iterable[_Union[Tokens, _Mapping]]] = ...) -> None: ...

class WriteReply(_message.Message):
    __slots__ = ("files",)
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, files: _Optional[_Iterable[str]] = ...) -> None: ...

class OpenPolicyRequest(_message.Message):
    __slots__ = ("policy", "directory", "text")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    policy: str
    directory: str
    text: bool
    def __init__(self, policy: _Optional[str] = ..., directory: _Optional[str] = ..., text: _Optional[bool] = ...) -> None: ...

class OpenPolicyReply(_message.Message):
    __slots__ = ("eos",)
    EOS_FIELD_NUMBER: _ClassVar[int]
    eos: int
    def __init__(self, eos: _Optional[int] = ...) -> None: ...

class GenerateRequest(_message.Message):
    __slots__ = ("policy", "prompts", "temperature", "top_p", "max_tokens", "precision")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TOP_P_FIELD_NUMBER: _ClassVar[int]
    MAX_TOKENS_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    policy: str
    prompts: _containers.RepeatedCompositeFieldContainer[Prompt]
    temperature: float
    top_p: float
    max_tokens: int
    precision: str
    def __init__(self, policy: _Optional[str] = ..., prompts: _Optional[_Iterable[_Union[Prompt, _Mapping]]] = ..., temperature: _Optional[float] = ..., top_p: _Optional[float] = ..., max_tokens: _Optional[int] = ..., precision: _Optional[str] = ...) -> None: ...

class Prompt(_message.Message):
    __slots__ = ("tokens", "seed", "samples")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedScalarFieldContainer[int]
    seed: int
    samples: int
    def __init__(self, tokens: _Optional[_Iterable[int]] = ..., seed: _Optional[int] = ..., samples: _Optional[int] = ...) -> None: ...

class GenerateReply(_message.Message):
    __slots__ = ("progress", "response", "finished")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    progress: Progress
    response: Response
    finished: GenerateDone
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., response: _Optional[_Union[Response, _Mapping]] = ..., finished: _Optional[_Union[GenerateDone, _Mapping]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("prompt", "sample", "tokens", "logprobs", "finish", "text")
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    prompt: int
    sample: int
    tokens: _containers.RepeatedScalarFieldContainer[int]
    logprobs: _containers.RepeatedScalarFieldContainer[float]
    finish: str
    text: str
    def __init__(self, prompt: _Optional[int] = ..., sample: _Optional[int] = ..., tokens: _Optional[_Iterable[int]] = ..., logprobs: _Optional[_Iterable[float]] = ..., finish: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class GenerateDone(_message.Message):
    __slots__ = ("seconds", "tokens")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    seconds: float
    tokens: int
    def __init__(self, seconds: _Optional[float] = ..., tokens: _Optional[int] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("role", "content")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    role: str
    content: str
    def __init__(self, role: _Optional[str] = ..., content: _Optional[str] = ...) -> None: ...

class Conversation(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ...) -> None: ...

class RenderRequest(_message.Message):
    __slots__ = ("conversations", "policy")
    CONVERSATIONS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    conversations: _containers.RepeatedCompositeFieldContainer[Conversation]
    policy: str
    def __init__(self, conversations: _Optional[_Iterable[_Union[Conversation, _Mapping]]] = ..., policy: _Optional[str] = ...) -> None: ...

class RenderReply(_message.Message):
    __slots__ = ("prompts", "texts")
    PROMPTS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    prompts: _containers.RepeatedCompositeFieldContainer[Tokens]
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, prompts: _Optional[_Iterable[_Union[Tokens, _Mapping]]] = ..., texts: _Optional[_Iterable[str]] = ...) -> None: ...

class EncodeRequest(_message.Message):
    __slots__ = ("texts", "policy")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    policy: str
    def __init__(self, texts: _Optional[_Iterable[str]] = ..., policy: _Optional[str] = ...) -> None: ...

class Tokens(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, ids: _Optional[_Iterable[int]] = ...) -> None: ...

class EncodeReply(_message.Message):
    __slots__ = ("texts",)
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedCompositeFieldContainer[Tokens]
    def __init__(self, texts: _Optional[_Iterable[_Union[Tokens, _Mapping]]] = ...) -> None: ...

class DecodeRequest(_message.Message):
    __slots__ = ("tokens", "policy")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    tokens: _containers.RepeatedCompositeFieldContainer[Tokens]
    policy: str
    def __init__(self, tokens: _Optional[_Iterable[_Union[Tokens, _Mapping]]] = ..., policy: _Optional[str] = ...) -> None: ...

class DecodeReply(_message.Message):
    __slots__ = ("texts",)
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, texts: _Optional[_Iterable[str]] = ...) -> None: ...
