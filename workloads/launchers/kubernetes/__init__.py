"""The engine for more than one machine: Jobs in a namespace of a Kubernetes cluster."""
