"""The layers of the pipeline, one a file; `objreg.middleware.base` says what they have in common."""
