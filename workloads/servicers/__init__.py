"""Servicers: protobuf in, protobuf out."""
