"""The control plane's end of the links that services keep open."""
