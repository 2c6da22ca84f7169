"""What the RPCs of this service mean."""
