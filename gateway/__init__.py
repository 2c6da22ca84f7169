"""HTTP and JSON for the mesh's services; it holds no rule of any of them."""

import meshkit  # noqa: F401 - it sets what gRPC reads when it is first imported
