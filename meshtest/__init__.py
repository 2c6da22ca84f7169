"""A mesh in the process of a test: the real servers, and fakes of the world around them.

The pytest plugin of the SDK starts it (docs/testing.md), and so do the tests of Weft itself.
"""
