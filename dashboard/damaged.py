"""What cannot be read."""


class Damaged(Exception):
    """A store or an artifact that cannot be read; the message names run and file."""
