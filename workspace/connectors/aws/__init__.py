"""AWS: sessions of a user or a role, narrowed by a session policy to the one resource."""
