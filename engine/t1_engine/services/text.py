"""Text: token ids from words and back, with the language of the model held."""

from collections.abc import Callable

import grpc

from t1_engine import chat
from t1_engine.compute import answer
from t1_engine.language import Language
from t1_engine.pb import engine_pb2 as pb
from t1_engine.pb import engine_pb2_grpc as rpc
from t1_engine.services.sampler import Sampler, not_held
from t1_engine.services.trainer import Trainer
from t1_engine.status import Code, Refused


class Text(rpc.TextServicer):
    """Uses the trainer's tokenizer; in an engine that only samples, that of the policy opened last."""

    def __init__(self, trainer: Trainer, sampler: Sampler) -> None:
        self._named = sampler.language_of
        self._sources: list[Callable[[], Language | None]] = [lambda: trainer.language, lambda: sampler.language]

    def Render(self, request: pb.RenderRequest, context: grpc.ServicerContext) -> pb.RenderReply:
        def work() -> pb.RenderReply:
            language = self._language()
            chats = [[(m.role, m.content) for m in c.messages] for c in request.conversations]
            prompts = [chat.render(language, messages) for messages in chats]
            texts = language.decode(prompts)
            return pb.RenderReply(prompts=[pb.Tokens(ids=ids) for ids in prompts], texts=texts)

        return answer(context, work)

    def Encode(self, request: pb.EncodeRequest, context: grpc.ServicerContext) -> pb.EncodeReply:
        def work() -> pb.EncodeReply:
            return pb.EncodeReply(texts=[pb.Tokens(ids=ids) for ids in self._language().encode(request.texts)])

        return answer(context, work)

    def Decode(self, request: pb.DecodeRequest, context: grpc.ServicerContext) -> pb.DecodeReply:
        def work() -> pb.DecodeReply:
            language = self._of(request.policy) if request.policy else self._language()
            return pb.DecodeReply(texts=language.decode([t.ids for t in request.tokens]))

        return answer(context, work)

    def _of(self, policy: str) -> Language:
        if (found := self._named(policy)) is None:
            raise not_held(policy)
        return found

    def _language(self) -> Language:
        for source in self._sources:
            if (found := source()) is not None:
                return found
        raise Refused(Code.FAILED_PRECONDITION, "no model is open; open a state or a policy first")
