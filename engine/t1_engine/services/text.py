"""Text: token ids from words and back, with the tokenizer of the model held."""

from collections.abc import Callable
from typing import Any

import grpc

from t1_engine import tokenizer
from t1_engine.compute import answer
from t1_engine.pb import engine_pb2 as pb
from t1_engine.pb import engine_pb2_grpc as rpc
from t1_engine.services.sampler import Sampler
from t1_engine.services.trainer import Trainer
from t1_engine.status import Code, Refused


class Text(rpc.TextServicer):
    """Uses the trainer's tokenizer; in an engine that only samples, that of the policy opened last."""

    def __init__(self, trainer: Trainer, sampler: Sampler) -> None:
        self._sources: list[Callable[[], Any]] = [lambda: trainer.tokenizer, lambda: sampler.tokenizer]

    def Encode(self, request: pb.EncodeRequest, context: grpc.ServicerContext) -> pb.EncodeReply:
        def work() -> pb.EncodeReply:
            texts = tokenizer.encode(self._tokenizer(), request.texts)
            return pb.EncodeReply(texts=[pb.Tokens(ids=ids) for ids in texts])

        return answer(context, work)

    def Decode(self, request: pb.DecodeRequest, context: grpc.ServicerContext) -> pb.DecodeReply:
        def work() -> pb.DecodeReply:
            return pb.DecodeReply(texts=tokenizer.decode(self._tokenizer(), [t.ids for t in request.tokens]))

        return answer(context, work)

    def _tokenizer(self) -> Any:
        for source in self._sources:
            if (found := source()) is not None:
                return found
        raise Refused(Code.FAILED_PRECONDITION, "no model is open; open a state or a policy first")
