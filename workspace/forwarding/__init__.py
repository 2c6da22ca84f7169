"""Sends the lines of logs to a collector of OpenTelemetry, after they are durable here."""
