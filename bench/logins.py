"""Makes users who have logged in: rows of `healthhub.users`, and stored tokens.

    DATABASE_URL=... TOKEN_STORE=... TOKEN_KEY=... python bench/logins.py 2000

It runs in the environment of the tap, whose own token store it fills.
"""

from __future__ import annotations

import os
import sys
import time

import psycopg

from tap_oura.oauth import Endpoints, Login, Tokens
from tap_oura.users import token_store

USER = "0a0a0a0a-0000-4000-8000-{:012d}"
ADD = """
    insert into healthhub.users (user_id, oura_pat_alias) values (%s, %s)
    on conflict do nothing
"""


def main() -> None:
    """Add users up to a number."""
    settings = ("TOKEN_STORE", "TOKEN_KEY")
    store = token_store({name.lower(): os.environ[name] for name in settings})
    endpoint = Endpoints.at(None).tokens[0]
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        for number in range(1, int(sys.argv[1]) + 1):
            user_id = USER.format(number)
            token = "sandbox-token" + (f"-{number}" if number > 1 else "")
            tokens = Tokens(token, "unused", time.time() + 1e7, None, endpoint)
            store.write(user_id, Login(tokens))
            connection.execute(ADD, (user_id, f"user {number}"))


if __name__ == "__main__":
    main()
