"""The promises of the ports as suites that anybody can run: the tests, `stella contract`, and whoever writes an adapter."""

from stella.ports.contract.judge import Outcome, Verdict, judge, promises_of
from stella.ports.contract.promise import Broken, NotOffered, promised, refused, until

__all__ = ["Broken", "NotOffered", "Outcome", "Verdict", "judge", "promised", "promises_of", "refused", "until"]
