"""Writes OTLP's message definitions, as the package opentelemetry-proto brings them, to a file that
protoc reads with --descriptor_set_in.

usage: otlp_descriptors.py OUT
"""
import sys

from google.protobuf import descriptor_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2


def collect(file, seen, files):
    """Adds a file behind those that it imports."""
    if file.name in seen:
        return
    seen.add(file.name)
    for dependency in file.dependencies:
        collect(dependency, seen, files)
    file.CopyToProto(files.file.add())


def main():
    files, seen = descriptor_pb2.FileDescriptorSet(), set()
    for module in (trace_service_pb2, logs_service_pb2):
        collect(module.DESCRIPTOR, seen, files)
    with open(sys.argv[1], "wb") as out:
        out.write(files.SerializeToString())


main()
