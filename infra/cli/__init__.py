"""The `spillway` command: one module a command, named in the table of `infra.cli.main`."""
