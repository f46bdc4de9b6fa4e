"""The layers of the pipeline, each around a fake application."""
