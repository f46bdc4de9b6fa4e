"""What the auth layer is made of."""
