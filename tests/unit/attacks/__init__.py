"""One test for each class of attack that others fell to."""
