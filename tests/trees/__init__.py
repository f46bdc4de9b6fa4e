"""Trees that other registries have written, made anew from what is known of them."""
