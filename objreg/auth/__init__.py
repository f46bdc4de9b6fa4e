"""What the `auth` layer is made of: passwords, tokens, and the rules that say who may do what."""
