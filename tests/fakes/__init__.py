"""Stand-ins for where the world begins, as faithful as the tests need them."""
