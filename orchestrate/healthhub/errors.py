"""What goes wrong, in words for a person, and the exit code that tells programs."""

from __future__ import annotations


class HealthHubError(Exception):
    """What a person can put right: one clear sentence that ends with the next step.

    Attributes:
        public: What an alert may say of it, which leaves this machine.
    """

    exit_code = 1
    title = "a run failed"

    def __init__(self, message: str, *, public: str | None = None) -> None:
        """Keep the sentence, and what may be said of it elsewhere.

        Args:
            message: The sentence.
            public: Another one, where the first may quote a user's data.
        """
        super().__init__(message)
        self.public = public or message


class PartialFailureError(HealthHubError):
    """Something was loaded, but not everything."""

    exit_code = 3
    title = "some users could not be read"


class LoginNeededError(HealthHubError):
    """Somebody has to log in again before everything can be loaded."""

    exit_code = 4
    title = "a login is needed"
