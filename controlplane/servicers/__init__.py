"""The control plane's RPCs: a request in, one call, a response out."""
