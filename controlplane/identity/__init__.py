"""Proofs of identity, and the tokens made from them."""
