"""gRPC server reflection, v1 and v1alpha: tells grpcurl and its like what can be called here.

The messages of both versions are the same on the wire, so one servicer, the v1alpha one of grpcio-reflection, answers
both. What it describes stands in a pool of its own: the default pool stays free for whoever brings a v1 of theirs.
The Open Inference Protocol is listed where its messages are installed; whoever asks first waits for their import.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import ReflectionServicer

from gateway.fronts.closing import until_closed
from gateway.fronts.grpc_messages import parse
from gateway.fronts.grpc_wire import GrpcRefusal
from gateway.fronts.open_inference.grpc_methods import SERVICE
from gateway.fronts.open_inference.messages import Messages
from protos.sluice.v1 import prediction_pb2

V1 = "grpc.reflection.v1.ServerReflection"
V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"
PREDICTIONS = "sluice.v1.Predictions"
HEALTH = "grpc.health.v1.Health"


class Reflection:
    """`messages` gives those of the Open Inference Protocol."""

    def __init__(self, closing: asyncio.Event, messages: Messages) -> None:
        self._closing = closing
        self._messages = messages
        # Any: the published stubs say that the servicer's generator returns nothing.
        self._servicer: Any = None

    async def info(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Answer one stream of questions."""
        if self._servicer is None:
            self._servicer = await self._make()
        async for body in until_closed(self._closing, requests):
            request = parse(reflection_pb2.ServerReflectionRequest, body)
            for response in self._servicer.ServerReflectionInfo(iter((request,)), None):
                yield response.SerializeToString()

    async def _make(self) -> ReflectionServicer:
        names = [PREDICTIONS, HEALTH, V1, V1ALPHA]
        files = [module.DESCRIPTOR for module in (prediction_pb2, health_pb2, reflection_pb2)]
        with suppress(GrpcRefusal):  # not installed: then it cannot be called either
            files += _with_imports((await self._messages.module()).DESCRIPTOR)
            names.append(SERVICE)
        pool = DescriptorPool()
        for file in files:
            pool.AddSerializedFile(file.serialized_pb)
        pool.AddSerializedFile(_v1().SerializeToString())
        return ReflectionServicer(names, pool=pool)


def _with_imports(file: FileDescriptor) -> Iterator[FileDescriptor]:
    """Yield what it imports, and then the file itself: a pool wants them in this order."""
    for imported in file.dependencies:
        yield from _with_imports(imported)
    yield file


def _v1() -> FileDescriptorProto:
    """The v1 descriptor: v1alpha's with the package renamed, which is how the two were made."""
    file = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
    file.name = file.name.replace("v1alpha", "v1")
    file.package = file.package.replace("v1alpha", "v1")
    for message in file.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(".v1alpha.", ".v1.")
    for method in file.service[0].method:
        method.input_type = method.input_type.replace(".v1alpha.", ".v1.")
        method.output_type = method.output_type.replace(".v1alpha.", ".v1.")
    return file
