"""The services of gRPC over plain HTTP, by the Connect protocol: JSON or binary, and streams.

`POST /runstream.v1.RunService/GetRun` with a message as the body calls the very servicer that gRPC
calls. There are no routes by hand: `methods` reads them from the contract, `door` dispatches.
"""
