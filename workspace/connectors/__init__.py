"""How a workspace signs in to clouds, clusters and registries, one module for each type.

No provider's client library is used: every service behind a connector is spoken to over HTTP
through `meshkit.egress`, so that no address of a connector, and nothing that a service answers,
leads into our own network, and so that every call is bounded and leaves the event loop alone.
The libraries' own transports would have to be trusted with that, one by one.
"""
