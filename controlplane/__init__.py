"""The control plane: who people are, what they may do, which services belong to the mesh."""
