"""What makes a process a member of the mesh; it knows no noun of ours."""

import os
import sys

# TLS 1.3 only. gRPC for Python has no option for the version, but reads the TLS 1.2 suites from
# this variable when it is first imported. A suite that needs a pre-shared key, which nobody
# has, leaves TLS 1.2 without a single usable suite, for ECDSA and RSA certificates alike, and
# does not touch TLS 1.3, whose suites are fixed. An operator may set the variable to allow more.
os.environ.setdefault("GRPC_SSL_CIPHER_SUITES", "ECDHE-PSK-CHACHA20-POLY1305")

GRPC_CAME_FIRST = "grpc" in sys.modules
"""Whether gRPC was imported before it could be told: servers then refuse to run."""
