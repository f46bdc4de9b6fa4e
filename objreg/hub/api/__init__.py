"""The JSON API of the hub, ``/api/v1``: a table of operations, each declared once, from which OpenAPI is made.

operation       what an operation is, and the table of them
problems        errors (RFC 9457)
call            one request: who asks, what was sent, and the parts of the hub
dispatch        finds the operation, asks whether it is allowed, and runs it
openapi         describes the table
"""
