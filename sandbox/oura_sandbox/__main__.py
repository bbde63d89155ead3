"""`python -m oura_sandbox` is `oura-sandbox`."""

from oura_sandbox.cli import main

main()
