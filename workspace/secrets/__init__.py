"""Envelope encryption of what a workspace keeps secret, and the stores that can keep it instead.

A key file outside the database wraps the workspace's data keys, which stand in the database;
the data key encrypts each value, bound to the place where it stands.
"""
