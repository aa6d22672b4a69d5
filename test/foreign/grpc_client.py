"""A gRPC client that shares no code with the service: grpcio, and messages learnt through reflection.

Reads one call a line from standard input, as JSON:
  {"id", "method": "package.Service/Method", "requests": [...], "timeout": seconds,
   "metadata": {...}, "take": responses after which the client cancels}
Writes events a line: {"id", "event": "open"} with the initial metadata, {"id", "event": "message"}
with each response, {"id", "event": "end"} with code, message and decoded details.
"""

import json
import sys
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

REFLECTION = "grpc.reflection.v1alpha"
Field = descriptor_pb2.FieldDescriptorProto


def message_class(pool, name):
    descriptor = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def reflection_messages():
    """The few fields of the reflection protocol that a client needs; no generated code is installed."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package=REFLECTION, syntax="proto3")

    def add(message, *fields):
        entry = file.message_type.add(name=message)
        for name, number, kind, repeated in fields:
            field = entry.field.add(name=name, number=number)
            field.label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            field.type = kind if isinstance(kind, int) else Field.TYPE_MESSAGE
            if not isinstance(kind, int):
                field.type_name = f".{REFLECTION}.{kind}"

    add(
        "ServerReflectionRequest",
        ("file_by_filename", 3, Field.TYPE_STRING, False),
        ("file_containing_symbol", 4, Field.TYPE_STRING, False),
        ("list_services", 7, Field.TYPE_STRING, False),
    )
    add("FileDescriptorResponse", ("file_descriptor_proto", 1, Field.TYPE_BYTES, True))
    add("ServiceResponse", ("name", 1, Field.TYPE_STRING, False))
    add("ListServiceResponse", ("service", 1, "ServiceResponse", True))
    add("ErrorResponse", ("error_code", 1, Field.TYPE_INT32, False), ("error_message", 2, Field.TYPE_STRING, False))
    add(
        "ServerReflectionResponse",
        ("file_descriptor_response", 4, "FileDescriptorResponse", False),
        ("list_services_response", 6, "ListServiceResponse", False),
        ("error_response", 7, "ErrorResponse", False),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return (
        message_class(pool, f"{REFLECTION}.ServerReflectionRequest"),
        message_class(pool, f"{REFLECTION}.ServerReflectionResponse"),
    )


class Contract:
    """What the server says of itself."""

    def __init__(self, channel):
        self.request, response = reflection_messages()
        self.call = channel.stream_stream(
            f"/{REFLECTION}.ServerReflection/ServerReflectionInfo",
            request_serializer=self.request.SerializeToString,
            response_deserializer=response.FromString,
        )
        self.pool = descriptor_pool.DescriptorPool()
        self.known = set()
        self.lock = threading.Lock()

    def ask(self, **question):
        (answer,) = self.call(iter([self.request(**question)]), timeout=10)
        if answer.HasField("error_response"):
            raise LookupError(answer.error_response.error_message)
        return answer

    def services(self):
        return [service.name for service in self.ask(list_services="*").list_services_response.service]

    def find(self, symbol):
        with self.lock:
            self.add(self.ask(file_containing_symbol=symbol))

    def add(self, answer):
        files = {}
        for data in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file

        def define(file):
            if file.name in self.known:
                return
            for dependency in file.dependency:
                if dependency in files:
                    define(files[dependency])
                elif dependency not in self.known:
                    self.add(self.ask(file_by_filename=dependency))
            self.pool.Add(file)
            self.known.add(file.name)

        for file in files.values():
            define(file)


class Client:
    def __init__(self, target):
        self.channel = grpc.insecure_channel(target)
        self.contract = Contract(self.channel)
        # An answer may hold them inside an Any, which nothing in its own file refers to.
        for symbol in ("google.rpc.Status", "google.rpc.ErrorInfo"):
            self.contract.find(symbol)
        self.output = threading.Lock()

    def emit(self, **event):
        with self.output:
            print(json.dumps(event), flush=True)

    def to_dict(self, message):
        return json_format.MessageToDict(message, descriptor_pool=self.contract.pool)

    def run(self, call):
        try:
            if call["method"] == "services":
                self.emit(id=call["id"], event="end", services=self.contract.services())
            else:
                self.invoke(call)
        except Exception as error:  # whatever it is, the test that asked has to hear of it
            self.emit(id=call["id"], event="end", code="BROKEN_CLIENT", message=repr(error))

    def invoke(self, call):
        service, name = call["method"].split("/")
        self.contract.find(service)
        method = self.contract.pool.FindServiceByName(service).FindMethodByName(name)
        request_class = message_class(self.contract.pool, method.input_type.full_name)
        response_class = message_class(self.contract.pool, method.output_type.full_name)
        # grpcio sends a unary request as a stream of one, so one kind of stub serves every method.
        stub = self.channel.stream_stream(
            f"/{call['method']}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response_class.FromString,
        )
        requests = [
            json_format.ParseDict(request, request_class(), descriptor_pool=self.contract.pool)
            for request in call["requests"]
        ]
        metadata = tuple(call.get("metadata", {}).items())
        stream = stub(iter(requests), timeout=call.get("timeout"), metadata=metadata)
        try:
            initial = {key: value for key, value in stream.initial_metadata() if isinstance(value, str)}
            self.emit(id=call["id"], event="open", metadata=initial)
            for count, response in enumerate(stream, start=1):
                self.emit(id=call["id"], event="message", message=self.to_dict(response))
                if count == call.get("take"):
                    stream.cancel()
        except grpc.RpcError:
            pass  # reported with the call's end
        self.emit(
            id=call["id"],
            event="end",
            code=stream.code().name,
            message=stream.details(),
            details=self.details(dict(stream.trailing_metadata() or ())),
        )

    def details(self, trailers):
        packed = trailers.get("grpc-status-details-bin")
        if packed is None:
            return []
        status = message_class(self.contract.pool, "google.rpc.Status").FromString(packed)
        return self.to_dict(status).get("details", [])


def main():
    client = Client(sys.argv[1])
    threads = []
    for line in sys.stdin:
        threads.append(threading.Thread(target=client.run, args=(json.loads(line),)))
        threads[-1].start()
    for thread in threads:
        thread.join()


main()
