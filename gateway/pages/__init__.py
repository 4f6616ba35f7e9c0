"""The pages people open. Each module has a ``router``; the application includes them all."""
