"""The fixture as a program's own tests get it; here it needs no installed entry point."""

from tests.acceptance.conftest import models

from stella.app.testing.fixture import phone

__all__ = ["models", "phone"]
