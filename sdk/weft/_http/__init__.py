"""The same calls over HTTP/JSON, by way of the gateway: for networks that let no gRPC through.

`HttpChannel` stands in for a `grpc.Channel`: stubs, errors and streams above it stay as they are.
Where a call goes and what of a request stands in path, query and body is read from the contract.
"""
