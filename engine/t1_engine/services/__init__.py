"""The gRPC services: they check requests, ask the compute thread, and answer."""

import grpc

from t1_engine import environment
from t1_engine.compute import Compute, answer
from t1_engine.pb import engine_pb2 as pb
from t1_engine.pb import engine_pb2_grpc as rpc
from t1_engine.resources import Resources
from t1_engine.services.sampler import Sampler
from t1_engine.services.text import Text
from t1_engine.services.trainer import Trainer


def register(server: grpc.Server, compute: Compute, resources: Resources) -> None:
    """Adds every service to a server that is not started yet."""
    trainer = Trainer(compute, resources)
    sampler = Sampler(compute, trainer)
    rpc.add_EngineServicer_to_server(Engine(resources), server)
    rpc.add_TrainerServicer_to_server(trainer, server)
    rpc.add_SamplerServicer_to_server(sampler, server)
    rpc.add_TextServicer_to_server(Text(trainer, sampler), server)


class Engine(rpc.EngineServicer):
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def Describe(self, request: pb.DescribeRequest, context: grpc.ServicerContext) -> pb.DescribeReply:
        def work() -> pb.DescribeReply:
            return pb.DescribeReply(version=environment.VERSION, environment=environment.fingerprint(self._resources))

        return answer(context, work)
