"""Text: token ids from words and back, with the language of the model held."""

from collections.abc import Callable

import grpc

from t1_engine import chat
from t1_engine.compute import answer
from t1_engine.language import Language
from t1_engine.pb import engine_pb2 as pb
from t1_engine.pb import engine_pb2_grpc as rpc
from t1_engine.services.sampler import Sampler
from t1_engine.services.trainer import Trainer
from t1_engine.status import Code, Refused


class Text(rpc.TextServicer):
    """Uses the policy's tokenizer that a request names, else the trainer's, else that of the policy opened last."""

    def __init__(self, trainer: Trainer, sampler: Sampler) -> None:
        self._sampler = sampler
        self._sources: list[Callable[[], Language | None]] = [lambda: trainer.language, lambda: sampler.language]

    def Render(self, request: pb.RenderRequest, context: grpc.ServicerContext) -> pb.RenderReply:
        def work() -> pb.RenderReply:
            language = self._language(request.policy)
            chats = [[(m.role, m.content) for m in c.messages] for c in request.conversations]
            prompts = [chat.render(language, messages) for messages in chats]
            texts = language.decode(prompts)
            return pb.RenderReply(prompts=[pb.Tokens(ids=ids) for ids in prompts], texts=texts)

        return answer(context, work)

    def Encode(self, request: pb.EncodeRequest, context: grpc.ServicerContext) -> pb.EncodeReply:
        def work() -> pb.EncodeReply:
            ids = self._language(request.policy).encode(request.texts)
            return pb.EncodeReply(texts=[pb.Tokens(ids=i) for i in ids])

        return answer(context, work)

    def Decode(self, request: pb.DecodeRequest, context: grpc.ServicerContext) -> pb.DecodeReply:
        def work() -> pb.DecodeReply:
            return pb.DecodeReply(texts=self._language(request.policy).decode([t.ids for t in request.tokens]))

        return answer(context, work)

    def _language(self, policy: str) -> Language:
        if policy:
            return self._sampler.language_of(policy)
        for source in self._sources:
            if (found := source()) is not None:
                return found
        raise Refused(Code.FAILED_PRECONDITION, "no model is open; open a state or a policy first")
