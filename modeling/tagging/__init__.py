"""What a comment is about: tags with probabilities, from a small text model that knows when a text is not for it."""
