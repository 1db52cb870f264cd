"""Model shapes, in the vocabulary of a Hugging Face config.json."""

from dataclasses import MISSING, dataclass
from typing import Any

ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}

# The largest of each that is believed; the largest models there are stay well below.
SIZES = {
    "vocab_size": 1 << 24, "hidden_size": 1 << 20, "intermediate_size": 1 << 22, "num_hidden_layers": 1 << 12,
    "num_attention_heads": 1 << 14, "num_key_value_heads": 1 << 14, "max_position_embeddings": 1 << 30,
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """A decoder of the Llama family. Field names are those of config.json."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int = 0  # 0: hidden_size / num_attention_heads
    model_type: str = "llama"  # or "qwen2", which has a bias on q, k and v
    attention_bias: bool = False  # Llama's option: a bias on q, k, v and o
    tie_word_embeddings: bool = False
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    pad_token_id: int | None = None

    def __post_init__(self) -> None:
        if self.model_type not in ARCHITECTURES:
            raise ValueError(f"model_type: {self.model_type!r} is not supported; allowed: {', '.join(ARCHITECTURES)}")
        for name, most in SIZES.items():
            value = getattr(self, name)
            if type(value) is not int or not 0 < value <= most:
                raise ValueError(f"{name}: {value!r}; a whole number from 1 to {most}")
        for name in ("rms_norm_eps", "rope_theta"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 < value < float("inf"):
                raise ValueError(f"{name}: {value!r}; a number above 0")
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"num_key_value_heads: {self.num_key_value_heads} does not divide "
                f"num_attention_heads {self.num_attention_heads}"
            )
        if not self.head_dim:
            object.__setattr__(self, "head_dim", self.hidden_size // self.num_attention_heads)
        if type(self.head_dim) is not int or not 0 < self.head_dim <= 1 << 12:
            raise ValueError(f"head_dim: {self.head_dim!r}; a whole number from 1 to {1 << 12}")
        if self.head_dim % 2:
            raise ValueError(f"head_dim: {self.head_dim} is odd; rotary embedding needs pairs")

    @property
    def eos_ids(self) -> list[int]:
        """The token ids that end a response, the usual one first; empty where config.json names none."""
        eos = self.eos_token_id
        return [] if eos is None else [eos] if isinstance(eos, int) else list(eos)

    @property
    def qkv_bias(self) -> bool:
        return self.model_type == "qwen2" or self.attention_bias

    @property
    def out_bias(self) -> bool:
        return self.model_type == "llama" and self.attention_bias

    @classmethod
    def from_hf(cls, raw: dict[str, Any]) -> "Config":
        """Reads a config.json. Options that would change the mathematics and are not built raise ValueError."""
        rope = raw.get("rope_parameters") or raw.get("rope_scaling") or {}
        kind = rope.get("rope_type", rope.get("type", "default"))
        refused = {
            "rope_type": kind != "default",
            "hidden_act": raw.get("hidden_act", "silu") != "silu",
            "mlp_bias": bool(raw.get("mlp_bias")),
            "partial_rotary_factor": rope.get("partial_rotary_factor", raw.get("partial_rotary_factor", 1)) != 1,
            "use_sliding_window": bool(raw.get("use_sliding_window")),
            "quantization_config": bool(raw.get("quantization_config")),
        }
        if any(refused.values()):
            raise ValueError(f"config.json: not supported: {', '.join(k for k, bad in refused.items() if bad)}")
        known = {k: raw[k] for k in cls.__dataclass_fields__ if raw.get(k) is not None}
        required = [name for name, field in cls.__dataclass_fields__.items() if field.default is MISSING]
        if "num_attention_heads" in known:
            known.setdefault("num_key_value_heads", raw["num_attention_heads"])
        if missing := [name for name in required if name not in known]:
            raise ValueError(f"config.json: missing: {', '.join(missing)}")
        known["rope_theta"] = float(rope.get("rope_theta", raw.get("rope_theta", 10000.0)))
        return cls(**known)

    def to_hf(self) -> dict[str, Any]:
        """A config.json that transformers (before and after 5.0) and vLLM load."""
        raw = {k: getattr(self, k) for k in self.__dataclass_fields__}
        if self.model_type == "qwen2":
            del raw["attention_bias"]
        return raw | {
            "architectures": [ARCHITECTURES[self.model_type]],
            "hidden_act": "silu",
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_theta},
            "torch_dtype": "float32",
            "use_cache": True,
        }
