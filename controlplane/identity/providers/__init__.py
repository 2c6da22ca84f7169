"""What identity providers speak: OpenID Connect, and GitHub's OAuth. Nothing here is stored."""
