"""The command line."""


def main() -> None:
    """Placeholder until the roof is built."""
